// Who may call the admin API: the holder of the bootstrap token.
import type { MiddlewareHandler } from "hono";
import { bearerToken, sameSecret } from "../runtime/secrets.ts";
import { problem } from "./problem.ts";

export const requireToken =
  (expected: string): MiddlewareHandler =>
  async (context, next) => {
    const given = bearerToken(context.req.header("authorization"));
    if (given !== undefined && sameSecret(given, expected)) return next();
    context.header("www-authenticate", 'Bearer realm="sluice"');
    return problem(context, {
      status: 401,
      title: "Unauthorized",
      detail: given === undefined ? "an Authorization: Bearer header is required" : "the token is not valid",
    });
  };
