// Who the caller is and what it may do: so a program offers nothing that the API would refuse. And its end: a person signs out,
// a token is given back.
import { z } from "@hono/zod-openapi";
import type { Access } from "../access/make-access.ts";
import type { Sessions } from "../access/make-sessions.ts";
import { problem } from "../runtime/problem.ts";
import type { AdminApp, KnownBy } from "./admin-context.ts";
import { Time } from "./documents/common.ts";
import { addOperation } from "./operation.ts";

const MeDocument = z
  .object({
    actor: z.string().openapi({ description: "As the audit names the caller." }),
    scope: z.enum(["viewer", "editor", "admin"]),
    tags: z
      .array(z.string())
      .nullable()
      .openapi({ description: "It may change features with one of these tags only; null: any feature." }),
    knownBy: z.enum(["adminToken", "token", "session"]).openapi({
      description: "`adminToken` is ADMIN_TOKEN, `token` an API token, `session` a person who is signed in.",
    }),
    expiresAt: Time.nullable().openapi({ description: "When token or session end; null: they do not." }),
    session: z
      .object({
        sessionId: z.string(),
        method: z.enum(["token", "link", "oidc"]).openapi({ description: "How the person signed in." }),
        idleUntil: Time.openapi({ description: "When it ends unless it is used before." }),
        csrfToken: z.string().openapi({
          description: "Every change with this session has to bring it in the header X-Sluice-Csrf.",
        }),
      })
      .nullable(),
  })
  .openapi("Me");

const expiryOf = (knownBy: KnownBy): Date | null => {
  switch (knownBy.kind) {
    case "adminToken":
      return null;
    case "token":
      return knownBy.expiresAt;
    case "session":
      return knownBy.session.expiresAt;
  }
};

export const addMeRoute = (
  api: AdminApp,
  {
    access,
    sessions,
  }: { access: Pick<Access, "revokeToken">; sessions: Pick<Sessions, "csrfToken" | "end"> },
): void => {
  addOperation(
    api,
    {
      method: "get",
      path: "/me",
      operationId: "getMe",
      tag: "Tokens",
      summary: "Who the caller is, and what it may do",
      scope: "viewer",
      answers: { 200: { description: "The caller.", schema: MeDocument } },
    },
    ({ context, principal: { actor, scope, tags } }) => {
      const knownBy = context.get("knownBy");
      // With a session's CSRF token in it the answer is for this page alone.
      context.header("cache-control", "no-store");
      return context.json({
        actor,
        scope,
        tags,
        knownBy: knownBy.kind,
        expiresAt: expiryOf(knownBy),
        session:
          knownBy.kind === "session"
            ? {
                sessionId: knownBy.session.sessionId,
                method: knownBy.session.method,
                idleUntil: knownBy.session.idleUntil,
                csrfToken: sessions.csrfToken(knownBy.cookie),
              }
            : null,
      });
    },
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/me",
      operationId: "endMe",
      tag: "Tokens",
      summary: "End what the request came with",
      description:
        "A session is signed out here (`POST /auth/sign-out` does so at the provider too), a token is revoked. ADMIN_TOKEN stays: it is of the origin's configuration.",
      scope: "viewer",
      answers: { 204: { description: "It cannot be used any more." } },
    },
    async ({ context, principal: { actor } }) => {
      const knownBy = context.get("knownBy");
      switch (knownBy.kind) {
        case "adminToken":
          return problem(context, {
            status: 409,
            title: "Conflict",
            detail: "ADMIN_TOKEN is of the origin's configuration and is changed there",
            reason: "configured",
          });
        case "token":
          await access.revokeToken(knownBy.tokenId, actor);
          return context.body(null, 204);
        case "session":
          await sessions.end(knownBy.session.sessionId, actor);
          return context.body(null, 204);
      }
    },
  );
};
