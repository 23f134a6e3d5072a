// The platform's waitUntil for the request that a route answers.
import type { Context } from "hono";
import type { WaitUntil } from "../snapshot/cache.ts";

export const waitUntilOf =
  (context: Context): WaitUntil =>
  (promise) =>
    context.executionCtx.waitUntil(promise);
