// Tokens: make one, list them, revoke one.
import { z } from "@hono/zod-openapi";
import type { Access } from "../access/make-access.ts";
import { problem } from "../runtime/problem.ts";
import { Cursor, Time, wholeInQuery } from "./documents/common.ts";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";

const Scope = z.enum(["viewer", "editor", "admin", "ingest"]).openapi({
  description:
    "`viewer` reads, `editor` changes features, `admin` does everything. `ingest` sends telemetry and nothing else.",
});
const Tags = z
  .array(z.string().min(1).max(64))
  .min(1)
  .max(32)
  .nullable()
  .openapi({ description: "It may change features with one of these tags only; null: any feature." });

const TokenFields = z.object({
  tokenId: z.string(),
  name: z.string(),
  scope: Scope,
  tags: Tags,
  createdAt: Time,
  createdBy: z.string(),
  expiresAt: Time.nullable(),
  lastUsedAt: Time.nullable().openapi({ description: "To the minute." }),
  revokedAt: Time.nullable(),
  revokedBy: z.string().nullable(),
});
const TokenDocument = TokenFields.openapi("Token");
const TokensDocument = z.object({ tokens: z.array(TokenDocument), next: Cursor.nullable() });
const NewTokenDocument = TokenFields.extend({
  secret: z.string().openapi({ description: "The token itself. It is shown this once." }),
}).openapi("NewToken");

const NewTokenBody = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .openapi({ description: "Who or what holds it; the audit names it so." }),
  scope: Scope,
  tags: Tags.default(null),
  expiresAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .refine((at) => at.getTime() > Date.now(), "must be in the future")
    .nullable()
    .default(null)
    .openapi({ description: "null: it does not expire.", type: ["string", "null"], format: "date-time" }),
});

const TokenParams = z.object({ tokenId: z.string().max(64) });
const Paging = z.object({
  limit: wholeInQuery(1, 500).default(100),
  after: z.string().max(64).optional().openapi({ description: "The `next` of the page before." }),
});

export const addTokenRoutes = (api: AdminApp, { access }: { access: Access }): void => {
  addOperation(
    api,
    {
      method: "get",
      path: "/tokens",
      operationId: "listTokens",
      tag: "Tokens",
      summary: "List tokens, revoked ones too",
      scope: "admin",
      query: Paging,
      answers: { 200: { description: "A page of tokens, without their secrets.", schema: TokensDocument } },
    },
    async ({ context, query }) => {
      const { items, next } = await access.listTokens(query);
      return context.json({ tokens: items, next });
    },
  );

  addOperation(
    api,
    {
      method: "post",
      path: "/tokens",
      operationId: "createToken",
      tag: "Tokens",
      summary: "Make a token",
      scope: "admin",
      body: NewTokenBody,
      answersSecret: true,
      answers: { 201: { description: "The token, with its secret.", schema: NewTokenDocument } },
    },
    async ({ context, principal, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const created = await access.createToken(body.value, principal.actor);
      if (created === null)
        return problem(context, {
          status: 409,
          title: "Conflict",
          detail: "a token with this name exists: revoke it first, or choose another name",
          reason: "alreadyExists",
        });
      context.header("cache-control", "no-store");
      return context.json(created, 201);
    },
  );

  addOperation(
    api,
    {
      method: "delete",
      path: "/tokens/{tokenId}",
      operationId: "revokeToken",
      tag: "Tokens",
      summary: "Revoke a token",
      description: "Other processes may take it for five more seconds.",
      scope: "admin",
      params: TokenParams,
      answers: { 204: { description: "It is revoked." } },
    },
    async ({ context, params, principal }) =>
      (await access.revokeToken(params.tokenId, principal.actor))
        ? context.body(null, 204)
        : problem(context, {
            status: 404,
            title: "Not Found",
            detail: "there is no such token, or it is revoked already",
          }),
  );
};
