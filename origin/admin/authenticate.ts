// Who calls the admin API: the holder of a token. Whoever has none is told so before anything is read.
import type { Context, MiddlewareHandler } from "hono";
import type { Access } from "../access/make-access.ts";
import { problem } from "../runtime/problem.ts";
import { bearerToken } from "../runtime/secrets.ts";
import type { AdminEnv } from "./admin-context.ts";
import { makeRequestLimits } from "./request-limits.ts";

const unauthorized = (context: Context, detail: string): Response => {
  context.header("www-authenticate", 'Bearer realm="sluice"');
  return problem(context, { status: 401, title: "Unauthorized", detail });
};

export const authenticate = (
  access: Pick<Access, "principalOf" | "hasSeen">,
): MiddlewareHandler<AdminEnv> => {
  const limits = makeRequestLimits();
  return async (context, next) => {
    const given = bearerToken(context.req.header("authorization"));
    if (given === undefined) return unauthorized(context, "an Authorization: Bearer header is required");
    // One whose token is in use gets through, whatever others try from behind the same proxy.
    if (!access.hasSeen(given)) {
      const refusal = await limits.ofWrongTokens(context);
      if (refusal !== null) return refusal;
    }
    const principal = await access.principalOf(given);
    if (principal === null) {
      await limits.noteWrongToken(context);
      return unauthorized(context, "the token is not valid: it is unknown, expired or revoked");
    }
    const refusal = await limits.ofPrincipal(context, principal.actor);
    if (refusal !== null) return refusal;
    context.set("principal", principal);
    return next();
  };
};
