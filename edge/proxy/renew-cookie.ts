// What a visitor's cookie holds from a response on, and the Set-Cookie header that says so.
import type { StickyCohort } from "../../shared/features/assign.ts";
import { addSticky } from "../../shared/signing/cookie.ts";
import { dayOf, type Cookies } from "../visitor/cookie.ts";
import type { GatedRequest } from "./gate-request.ts";

/** null: the cookie stays as it is, since there is no new cohort or no room for one. */
export const stickyAfter = ({
  identity,
  evaluation,
  view,
}: GatedRequest): ReadonlyMap<number, StickyCohort> | null => {
  const { newSticky } = evaluation;
  if (identity === null || newSticky.size === 0) return null;
  const { stickyKeys: living, enabledStickyKeys: open } = view.snapshot;
  const sticky = addSticky(identity.sticky, newSticky, { living, open });
  return [...newSticky.keys()].some((key) => sticky.has(key)) ? sticky : null;
};

/** null: the visitor's browser needs no new cookie. */
export const renewCookie = (
  cookies: Cookies,
  { incoming, identity, isCounted, evaluation }: GatedRequest,
  sticky: ReadonlyMap<number, StickyCohort> | null,
  nowMs: number,
): Promise<string> | null => {
  if (identity === null || identity.isEphemeral || !isCounted || !evaluation.meetsAny) return null;
  const day = dayOf(nowMs);
  if (sticky === null && !cookies.isDue(identity, day)) return null;
  const { unitId, captchaScore } = identity;
  return cookies.write(incoming.url, { unitId, sticky: sticky ?? identity.sticky, captchaScore }, day);
};
