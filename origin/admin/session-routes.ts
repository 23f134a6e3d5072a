// People who are signed in: who they are, the end of a session, and links that sign in once.
import { z } from "@hono/zod-openapi";
import type { Sessions } from "../access/make-sessions.ts";
import { problem } from "../runtime/problem.ts";
import { Cursor, Time, wholeInQuery } from "./documents/common.ts";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";

const SessionDocument = z
  .object({
    sessionId: z.string(),
    actor: z.string().openapi({ description: "As the audit names the person." }),
    scope: z.enum(["viewer", "editor", "admin"]),
    tags: z.array(z.string()).nullable(),
    method: z.enum(["token", "link", "oidc"]).openapi({ description: "How the person signed in." }),
    userAgent: z.string().nullable().openapi({ description: "What the browser calls itself." }),
    createdAt: Time,
    lastSeenAt: Time.openapi({ description: "To the minute." }),
    idleUntil: Time.openapi({ description: "When it ends unless it is used before." }),
    expiresAt: Time.openapi({ description: "When it ends in any case." }),
    isThisOne: z.boolean().openapi({ description: "Whether the request came with it." }),
  })
  .openapi("Session");
const SessionsDocument = z.object({ sessions: z.array(SessionDocument), next: Cursor.nullable() });

const SignInLinkDocument = z
  .object({
    url: z.string().openapi({ description: "Open it in a browser, and sign in there with a click." }),
    code: z.string().openapi({ description: "The last part of the link. It is shown this once." }),
    expiresAt: Time,
  })
  .openapi("SignInLink");

const SessionParams = z.object({ sessionId: z.string().max(64) });
const PersonQuery = z.object({
  actor: z.string().min(1).max(200).openapi({ description: "As the audit names the person." }),
});
const EndedDocument = z.object({ ended: z.number().int() }).openapi("EndedSessions");
const Paging = z.object({
  limit: wholeInQuery(1, 500).default(100),
  after: z.string().max(64).optional().openapi({ description: "The `next` of the page before." }),
});

export const addSessionRoutes = (
  api: AdminApp,
  {
    sessions,
    publicUrl,
  }: { sessions: Pick<Sessions, "list" | "end" | "endAllOf" | "makeCode">; publicUrl: string },
): void => {
  addOperation(
    api,
    {
      method: "get",
      path: "/sessions",
      operationId: "listSessions",
      tag: "Tokens",
      summary: "List people who are signed in",
      scope: "admin",
      query: Paging,
      answers: { 200: { description: "A page of sessions that can be used.", schema: SessionsDocument } },
    },
    async ({ context, query }) => {
      const knownBy = context.get("knownBy");
      const own = knownBy.kind === "session" ? knownBy.session.sessionId : null;
      const { items, next } = await sessions.list(query);
      return context.json({
        sessions: items.map((session) => ({
          sessionId: session.sessionId,
          actor: session.actor,
          scope: session.scope,
          tags: session.tags,
          method: session.method,
          userAgent: session.userAgent,
          createdAt: session.createdAt,
          lastSeenAt: session.lastSeenAt,
          idleUntil: session.idleUntil,
          expiresAt: session.expiresAt,
          isThisOne: session.sessionId === own,
        })),
        next,
      });
    },
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/sessions/{sessionId}",
      operationId: "endSession",
      tag: "Tokens",
      summary: "End a session",
      description: "At every origin at once. The person can sign in again, unless the role is gone too.",
      scope: "admin",
      params: SessionParams,
      answers: { 204: { description: "It has ended." } },
    },
    async ({ context, params, principal }) =>
      (await sessions.end(params.sessionId, principal.actor)) === null
        ? problem(context, {
            status: 404,
            title: "Not Found",
            detail: "there is no such session, or it has ended already",
          })
        : context.body(null, 204),
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/sessions",
      operationId: "endSessionsOf",
      tag: "Tokens",
      summary: "End all sessions of a person",
      description: "At every origin at once. The person can sign in again, unless the role is gone too.",
      scope: "admin",
      query: PersonQuery,
      answers: { 200: { description: "How many have ended.", schema: EndedDocument } },
    },
    async ({ context, query, principal }) =>
      context.json({ ended: await sessions.endAllOf(query.actor, principal.actor) }),
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/sign-in-links",
      operationId: "createSignInLink",
      tag: "Tokens",
      summary: "Make a link that signs in once",
      description:
        "Whoever opens it within five minutes is signed in as the holder of the token that asks, with its scope and tags, and for as long as that token can be used.",
      scope: "viewer",
      answersSecret: true,
      answers: { 201: { description: "The link.", schema: SignInLinkDocument } },
    },
    async ({ context, principal }) => {
      const knownBy = context.get("knownBy");
      const { actor, scope, tags } = principal;
      // A session could renew itself by its own links for ever.
      if (knownBy.kind === "session" || scope === "ingest")
        return problem(context, {
          status: 409,
          title: "Conflict",
          detail: "a link is made with a token: your browser is signed in already",
          reason: "session",
        });
      const { code, expiresAt } = await sessions.makeCode({
        purpose: "link",
        actor,
        scope,
        tags,
        tokenId: knownBy.kind === "token" ? knownBy.tokenId : null,
        issuer: null,
        subject: null,
        challenge: null,
        machine: null,
      });
      context.header("cache-control", "no-store");
      return context.json({ url: `${publicUrl}/auth/link/${code}`, code, expiresAt }, 201);
    },
  );
};
