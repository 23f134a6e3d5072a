// The response as the visitor gets it: the upstream's, with the edits, cookie and headers that the gate adds.
import type { CompiledFeature } from "../features/compiled-feature.ts";
import { isAsset } from "../visitor/asset.ts";
import { isShared, unshare } from "./caching.ts";
import { compressPage } from "./compress-page.ts";
import { addDebugHeaders } from "./debug-headers.ts";
import { editPage } from "./edit-page.ts";
import type { GatedRequest } from "./gate-request.ts";
import { nominatedBy } from "./upstream.ts";
import { bringToVisitorsHost } from "./visitor-host.ts";

export type Additions = {
  /** A Set-Cookie header; null: none. */
  readonly cookie: string | null;
  readonly wantsDebug: boolean;
  readonly gateMs: number;
};

export const respond = (
  upstreamResponse: Response,
  { incoming, view, evaluation, outcome, preview, isTakenForAsset }: GatedRequest,
  { cookie, wantsDebug, gateMs }: Additions,
): Response => {
  const other = outcome.answer === null ? (outcome.destination?.upstream ?? null) : null;
  const own = other === null ? upstreamResponse : bringToVisitorsHost(upstreamResponse, other, incoming.url);
  const edited = outcome.edit === null ? own : editPage(own, outcome.edit);
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
    if (unshares) unshare(changed.headers);
    if (cookie !== null) changed.headers.append("Set-Cookie", cookie);
    return wantsDebug ? addDebugHeaders(changed, view, gateMs) : changed;
  };
  const wasCompressed = edited !== own && own.headers.has("Content-Encoding");
  return wasCompressed
    ? compressPage(complete(), incoming.request.headers.get("Accept-Encoding"))
    : complete();
};

/** No cache may keep it: it is for one person, for a while. */
const markPreview = (response: Response, { featureId }: CompiledFeature): Response => {
  if (response.status === 101) return response;
  const marked = new Response(response.body, response);
  marked.headers.set("Cache-Control", "private, no-store");
  marked.headers.set("Sluice-Preview", featureId);
  return marked;
};
