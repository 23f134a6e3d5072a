// What every request of the admin API has with it.
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { IdempotentAnswers } from "../access/idempotent-answers.ts";
import type { Credential, Principal } from "../access/principal.ts";
import type { Session } from "../access/sessions.ts";

/** By what the caller is known: a token, or the session of a person with the cookie that holds it. */
export type KnownBy =
  | Credential
  | { readonly kind: "session"; readonly session: Session; readonly cookie: string };

export type AdminEnv = {
  Variables: {
    principal: Principal;
    knownBy: KnownBy;
    isStillKnown: () => Promise<boolean>;
    requestId: string;
    idempotentAnswers: IdempotentAnswers;
  };
};
export type AdminContext = Context<AdminEnv>;
export type AdminApp = OpenAPIHono<AdminEnv>;
