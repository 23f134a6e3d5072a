// Who calls the admin API: the holder of a token, or a person who is signed in. Whoever is neither is told so before anything
// is read. A token wins over a session. With a session a browser sends its cookie by itself, so a request must come from a page
// of this origin, and a change must bring what only such a page can read.
import type { Context, MiddlewareHandler } from "hono";
import type { Access } from "../access/make-access.ts";
import type { Sessions } from "../access/make-sessions.ts";
import { problem } from "../runtime/problem.ts";
import type { RequestLimits } from "../runtime/request-limits.ts";
import { comesFromOtherPage, comesFromOwnPage } from "../runtime/same-origin.ts";
import { bearerToken } from "../runtime/secrets.ts";
import type { PageCookies } from "../runtime/session-cookie.ts";
import type { AdminEnv } from "./admin-context.ts";

export const CSRF_HEADER = "x-sluice-csrf";

const unauthorized = (context: Context, detail: string): Response => {
  context.header("www-authenticate", 'Bearer realm="sluice"');
  return problem(context, { status: 401, title: "Unauthorized", detail });
};

const otherPage = (context: Context, detail: string): Response =>
  problem(context, { status: 403, title: "Forbidden", detail, reason: "otherPage" });

export type Authentication = {
  readonly access: Pick<Access, "callerOf" | "hasSeen">;
  readonly sessions: Pick<Sessions, "find" | "isOpen" | "isCsrfToken">;
  readonly cookies: PageCookies;
  /** The origin's address as people see it. */
  readonly publicUrl: string;
  readonly limits: RequestLimits;
};

/** The answer to a request with a session that may not come from its own page; null: it may. */
const pageProblem = (
  context: Context,
  cookie: string,
  { sessions, publicUrl }: Authentication,
): Response | null => {
  if (context.req.method === "GET" || context.req.method === "HEAD")
    return comesFromOtherPage(context)
      ? otherPage(context, "a page of another origin may not use the session of a person")
      : null;
  if (!comesFromOwnPage(context, publicUrl))
    return otherPage(
      context,
      `with a session a change must come from a page of ${publicUrl} (PUBLIC_URL); programs use a token`,
    );
  return sessions.isCsrfToken(cookie, context.req.header(CSRF_HEADER) ?? "")
    ? null
    : otherPage(context, "the header X-Sluice-Csrf must be the csrfToken of GET /admin/v1/me");
};

export const authenticate = (options: Authentication): MiddlewareHandler<AdminEnv> => {
  const { access, sessions, cookies, limits } = options;

  const byToken = async (context: Context<AdminEnv>, token: string): Promise<Response | null> => {
    // One whose token is in use gets through, whatever others try from behind the same proxy.
    if (!access.hasSeen(token)) {
      const refusal = await limits.ofFailures(context);
      if (refusal !== null) return refusal;
    }
    const caller = await access.callerOf(token);
    if (caller === null) {
      await limits.noteFailure(context);
      return unauthorized(context, "the token is not valid: it is unknown, expired or revoked");
    }
    context.set("principal", caller.principal);
    context.set("knownBy", caller.credential);
    context.set("isStillKnown", async () => (await access.callerOf(token)) !== null);
    return null;
  };

  const bySession = async (context: Context<AdminEnv>, cookie: string): Promise<Response | null> => {
    const session = await sessions.find(cookie);
    if (session === null)
      return unauthorized(context, "the session has ended: sign in again at /auth/sign-in");
    const refusal = pageProblem(context, cookie, options);
    if (refusal !== null) return refusal;
    const { actor, scope, tags } = session;
    context.set("principal", { actor, scope, tags });
    context.set("knownBy", { kind: "session", session, cookie });
    context.set("isStillKnown", () => sessions.isOpen(cookie));
    return null;
  };

  return async (context, next) => {
    const authorization = context.req.header("authorization");
    const token = bearerToken(authorization);
    const cookie = authorization === undefined ? cookies.get(context, "sluice-session") : undefined;
    if (token === undefined && cookie === undefined)
      return unauthorized(
        context,
        "an Authorization: Bearer header is required, or a session: people sign in at /auth/sign-in",
      );
    const refusal =
      token === undefined ? await bySession(context, cookie ?? "") : await byToken(context, token);
    if (refusal !== null) return refusal;
    return (await limits.ofPrincipal(context, context.get("principal").actor)) ?? next();
  };
};
