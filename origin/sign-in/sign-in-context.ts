// What every route of signing in works with.
import type { Context } from "hono";
import type { Access } from "../access/make-access.ts";
import type { Sessions } from "../access/make-sessions.ts";
import type { NewSession } from "../access/sessions.ts";
import type { Logger } from "../runtime/log.ts";
import type { RequestLimits } from "../runtime/request-limits.ts";
import { comesFromOwnPage } from "../runtime/same-origin.ts";
import type { PageCookies } from "../runtime/session-cookie.ts";
import { refusalPage } from "./page.ts";

/** The longest that a session lasts (sessions.ts); the cookie need not be there any longer. */
const SESSION_S = 8 * 3_600;

export type SignInContext = {
  readonly access: Pick<Access, "callerOf" | "hasSeen" | "createToken" | "revokeTokensAbove">;
  readonly sessions: Sessions;
  readonly cookies: PageCookies;
  readonly limits: RequestLimits;
  /** The origin's address as people see it. */
  readonly publicUrl: string;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
};

/** The fields of a form; none of a body that is no form. */
export const readForm = async (context: Context): Promise<URLSearchParams> =>
  context.req.header("content-type")?.startsWith("application/x-www-form-urlencoded") === true
    ? new URLSearchParams(await context.req.text())
    : new URLSearchParams();

/** The answer to a form that another site has sent, lest it signs a person in as somebody else; null: it is ours. */
export const otherSiteProblem = (context: Context, publicUrl: string): Response | Promise<Response> | null =>
  comesFromOwnPage(context, publicUrl)
    ? null
    : refusalPage(context, {
        status: 403,
        title: "This form came from elsewhere",
        why: `Open the page at ${publicUrl} (PUBLIC_URL) and use its form.`,
      });

/** The session of the request's cookie. */
export const currentSession = async (context: Context, { cookies, sessions }: SignInContext) => {
  const cookie = cookies.get(context, "sluice-session");
  const session = cookie === undefined ? null : await sessions.find(cookie);
  return cookie === undefined || session === null ? null : { cookie, session };
};

/** Begins a session in place of the one that the browser has, and leads on. */
export const signIn = async (
  context: Context,
  signInContext: SignInContext,
  { next, ...who }: Omit<NewSession, "userAgent"> & { next: string },
): Promise<Response> => {
  const { cookies, sessions, log } = signInContext;
  const before = await currentSession(context, signInContext);
  if (before !== null) await sessions.end(before.session.sessionId, before.session.actor);
  const cookie = await sessions.begin({ ...who, userAgent: context.req.header("user-agent") ?? null });
  cookies.set(context, "sluice-session", cookie, SESSION_S);
  log.info({ actor: who.actor, scope: who.scope, method: who.method }, "somebody signed in");
  return context.redirect(next, 303);
};
