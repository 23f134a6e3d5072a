// Who calls the admin API: the holder of a token. Whoever has none is told so before anything is read.
import type { MiddlewareHandler } from "hono";
import type { Access } from "../access/make-access.ts";
import { problem } from "../runtime/problem.ts";
import { bearerToken } from "../runtime/secrets.ts";
import type { AdminEnv } from "./operation.ts";

export const authenticate =
  (access: Pick<Access, "principalOf">): MiddlewareHandler<AdminEnv> =>
  async (context, next) => {
    const given = bearerToken(context.req.header("authorization"));
    const principal = given === undefined ? null : await access.principalOf(given);
    if (principal !== null) {
      context.set("principal", principal);
      return next();
    }
    context.header("www-authenticate", 'Bearer realm="sluice"');
    return problem(context, {
      status: 401,
      title: "Unauthorized",
      detail:
        given === undefined
          ? "an Authorization: Bearer header is required"
          : "the token is not valid: it is unknown, expired or revoked",
    });
  };
