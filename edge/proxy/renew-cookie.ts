// The Set-Cookie header that makes a visitor out of a visit, and keeps the cookie from expiring.
import { dayOf, type Cookies } from "../visitor/cookie.ts";
import type { GatedRequest } from "./gate-request.ts";

/** null: the visitor's browser needs no new cookie. */
export const renewCookie = (
  cookies: Cookies,
  { incoming, identity, isCounted, evaluation }: GatedRequest,
  nowMs: number,
): Promise<string> | null => {
  const { visitorId, captchaScore } = identity;
  if (visitorId === null || !isCounted || !evaluation.meetsAny) return null;
  const day = dayOf(nowMs);
  return cookies.isDue(identity, day) ? cookies.write(incoming.url, { visitorId, captchaScore }, day) : null;
};
