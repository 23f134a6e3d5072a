// The request by which a page is asked for to be kept: as a shared cache asks, for nobody in particular. It brings the
// cohorts, and of its visitor only what the site says that the page depends on. So nothing else that a visitor sends, be it
// a cookie or a header that the site happens to read, can be in a page that others get.
import type { Destination } from "../../features/compile-gate.ts";
import { addressOf } from "../../incoming-request.ts";
import { toUpstream, type UpstreamRequest } from "../upstream.ts";
import { acceptedForm, withoutCookie } from "./page-key.ts";

const USER_AGENT = "Mozilla/5.0 (compatible; Sluice)";
const PAGE = "text/html,application/xhtml+xml,*/*;q=0.8";

type Options = {
  readonly upstreamUrl: string;
  /** Value of `Sluice-Features`; empty: there is nothing to tell. */
  readonly features: string;
  readonly destination: Destination | null;
  /** Headers by which the page differs. */
  readonly vary: readonly string[];
};

export const toFill = (
  request: Request,
  url: string,
  { upstreamUrl, features, destination, vary }: Options,
): UpstreamRequest => {
  const form = acceptedForm(request.headers.get("Accept"));
  const headers = new Headers({
    Accept: form === "page" ? PAGE : form,
    "Accept-Encoding": "gzip",
    "User-Agent": USER_AGENT,
  });
  for (const name of withoutCookie(vary)) {
    const value = request.headers.get(name);
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  const evaluated = features === "" ? null : { features, visitorId: null };
  const sent = { request: new Request(url, { headers }), address: addressOf(url) };
  return toUpstream(sent, { upstreamUrl, evaluated, destination });
};
