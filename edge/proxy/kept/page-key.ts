// Under what a page is kept: its URL, what the upstream is told and the gate does for the visitor's cohorts, the state of
// every feature on the route, and the request headers by which the site says that its pages differ.
import type { GatedRequest } from "../gate-request.ts";

/** Longer values make no key: a page for each of them would be kept for one visitor. */
const LONGEST_VALUE = 256;

const OWN_COOKIE = /^\s*(?:(?:__Host-)?sluice(?:-preview)?=.*)?$/;

/** Whether the request brings a cookie of the site's. */
const hasSiteCookie = (cookies: string | null): boolean =>
  cookies !== null && cookies.split(";").some((cookie) => !OWN_COOKIE.test(cookie));

/** The headers whose values are in the key, and in the request by which the page is asked for. */
export const withoutCookie = (vary: readonly string[]): readonly string[] =>
  vary.filter((name) => name !== "cookie");

/** What a request accepts, as far as sites choose by it without saying so: a page, or what a script asks for. */
export const acceptedForm = (accept: string | null): string =>
  accept === null || accept.includes("text/html") ? "page" : accept;

/**
 * null: the request is too much its own. What the upstream is told names the cohorts, and with the features' states it
 * decides destination and edits. A state's fingerprint changes with every change, whatever history it is of.
 */
export const pageKey = (
  { incoming, view: { snapshot }, page, evaluation, isTakenForAsset }: GatedRequest,
  url: string,
  vary: readonly string[],
): string | null => {
  const { headers } = incoming.request;
  const form = acceptedForm(headers.get("Accept"));
  if (vary.includes("cookie") && hasSiteCookie(incoming.cookies)) return null;
  const values = withoutCookie(vary).map((name) => headers.get(name) ?? "");
  if (form.length > LONGEST_VALUE || values.some((value) => value.length > LONGEST_VALUE)) return null;
  const { fingerprint } = snapshot.routed(page.path, page.method, isTakenForAsset);
  const gates = snapshot.gated(page.path, page.method).fingerprint;
  const varied = vary.length === 0 ? "" : JSON.stringify([vary, values]);
  return `${url}\n${fingerprint} ${gates} ${evaluation.header}\n${form}\n${varied}`;
};
