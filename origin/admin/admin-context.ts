// What every request of the admin API has with it.
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { IdempotentAnswers } from "../access/idempotent-answers.ts";
import type { Principal } from "../access/principal.ts";

export type AdminEnv = {
  Variables: { principal: Principal; requestId: string; idempotentAnswers: IdempotentAnswers };
};
export type AdminContext = Context<AdminEnv>;
export type AdminApp = OpenAPIHono<AdminEnv>;
