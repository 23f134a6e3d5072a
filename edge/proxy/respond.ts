// The response as the visitor gets it: the upstream's, with the edits, cookie and headers that the gate adds.
import type { CompiledFeature } from "../features/compiled-feature.ts";
import { isAsset } from "../visitor/asset.ts";
import { isShared, unshare } from "./caching.ts";
import { compressPage } from "./compress-page.ts";
import { addDebugHeaders } from "./debug-headers.ts";
import { editPage, isHtml } from "./edit-page.ts";
import type { GatedRequest } from "./gate-request.ts";
import type { Served } from "./kept/served.ts";
import { nominatedBy } from "./upstream.ts";
import { bringToVisitorsHost } from "./visitor-host.ts";

export type Additions = {
  /** A Set-Cookie header; null: none. */
  readonly cookie: string | null;
  readonly wantsDebug: boolean;
  readonly gateMs: number;
};

/** The site's page with what the gate does to it, the same for all visitors of the same cohorts. */
export const ofSite = (response: Response, { incoming, outcome }: GatedRequest): Response => {
  const other = outcome.answer === null ? (outcome.destination?.upstream ?? null) : null;
  const own = other === null ? response : bringToVisitorsHost(response, other, incoming.url);
  return outcome.edit === null ? own : editPage(own, outcome.edit);
};

export const respond = (
  { response: upstreamResponse, isShareable }: Served,
  gated: GatedRequest,
  { cookie, wantsDebug, gateMs }: Additions,
): Response => {
  const { incoming, view, evaluation, outcome, preview, isTakenForAsset } = gated;
  const edited = ofSite(upstreamResponse, gated);
  const response = preview === null ? edited : markPreview(edited, preview);
  // A page that was asked for as if it were a picture must not become everybody's.
  const isForOne = evaluation.meetsAny || (isTakenForAsset && !isAsset(response.headers));
  const unshares = isForOne && isShared(response.headers);
  const hopHeaders = nominatedBy(response.headers.get("Connection"));
  const changes = cookie !== null || wantsDebug || unshares || hopHeaders.length > 0;
  const complete = (): Response => {
    if (!changes || response.status === 101) return response;
    const changed = new Response(response.body, response);
    for (const name of hopHeaders) changed.headers.delete(name);
    if (unshares) unshare(changed.headers, { isRevalidated: isShareable || isHtml(response.headers) });
    if (cookie !== null) changed.headers.append("Set-Cookie", cookie);
    return wantsDebug ? addDebugHeaders(changed, view, gateMs) : changed;
  };
  const wasCompressed =
    outcome.edit !== null && edited !== upstreamResponse && upstreamResponse.headers.has("Content-Encoding");
  return wasCompressed && !response.headers.has("Content-Encoding")
    ? compressPage(complete(), incoming.headers.get("Accept-Encoding"))
    : complete();
};

/** A kept page with what belongs to its visitor alone. */
export const respondKept = (
  { response, wasCompressed }: Served,
  { incoming, view }: GatedRequest,
  { cookie, wantsDebug, gateMs }: Additions,
): Response => {
  if (cookie !== null) response.headers.append("Set-Cookie", cookie);
  const finished = wantsDebug ? addDebugHeaders(response, view, gateMs) : response;
  return wasCompressed ? compressPage(finished, incoming.headers.get("Accept-Encoding")) : finished;
};

/** No cache may keep it: it is for one person, for a while. */
const markPreview = (response: Response, { featureId }: CompiledFeature): Response => {
  if (response.status === 101) return response;
  const marked = new Response(response.body, response);
  marked.headers.set("Cache-Control", "private, no-store");
  marked.headers.set("Sluice-Preview", featureId);
  return marked;
};
