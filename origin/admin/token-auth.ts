// Who may call the admin API: the holder of the bootstrap token.
import { randomBytes } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { bearerToken, sameSecret } from "../runtime/secrets.ts";
import { problem } from "../runtime/problem.ts";

/** A token for this run, where none is configured. It is shown once, outside of the log. */
export const printNewToken = (): string => {
  const token = randomBytes(24).toString("base64url");
  process.stdout.write(`ADMIN_TOKEN is not set; this run's is ${token}\n`);
  return token;
};

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
