// `GET /.sluice/elements?path=…` and `GET /.sluice/elements.js`: what `<sluice-feature>` elements ask when a page of the site
// is entered without a request for it. The answer is what the gate would write into the page of that path, and counts as
// entering it.
import { Hono } from "hono";
import { canonicalPath, isUnreadable } from "../../shared/features/canonical-path.ts";
import { h32 } from "../../shared/hash.ts";
import { readIncoming, type IncomingRequest } from "../incoming-request.ts";
import type { GatedRequest, GateRequest } from "../proxy/gate-request.ts";
import { renewCookie } from "../proxy/renew-cookie.ts";
import type { SnapshotCache } from "../snapshot/cache.ts";
import type { Cookies } from "../visitor/cookie.ts";
import { requestKind, type RequestKind } from "../visitor/request-kind.ts";
import { ELEMENTS_SCRIPT } from "./elements-script.ts";
import { matchesEtag } from "./ofrep/flag.ts";
import { readAsNewAs } from "./ofrep/stream.ts";
import { problem } from "./problem.ts";
import type { ReportEvent } from "./report-event.ts";
import { waitUntilOf } from "./wait-until.ts";

type Dependencies = {
  readonly cache: Pick<SnapshotCache, "read" | "refresh">;
  readonly gateRequest: GateRequest;
  readonly cookies: Cookies;
  readonly reportEvent: ReportEvent;
  readonly now: () => number;
};

/** A browser asks the edge for a new one after so long; until then a deployment's pages may run the old one. */
const SCRIPT_CACHING = "public, max-age=300, stale-while-revalidate=86400";

const SCRIPT_HEADERS = {
  "Content-Type": "text/javascript; charset=utf-8",
  "Cache-Control": SCRIPT_CACHING,
  ETag: `"${h32(ELEMENTS_SCRIPT).toString(36)}"`,
  "X-Content-Type-Options": "nosniff",
};

const PATH = /^\/[^?#]{0,4000}$/;

/** The page that the script is on; null: the request names none. */
const pageOf = (incoming: IncomingRequest): IncomingRequest | null => {
  const path = new URL(incoming.url).searchParams.get("path") ?? "";
  const canonical = canonicalPath(path);
  return PATH.test(path) && !isUnreadable(canonical) ? { ...incoming, path: canonical } : null;
};

/** The visitor has entered the page, as by a request for it. Another site's page, and one that nobody sees yet, counts for nothing. */
const kindOf = (request: Request): RequestKind =>
  request.headers.get("Sec-Fetch-Site") === "cross-site" || requestKind(request, "/") === "aside"
    ? "aside"
    : "visit";

const elementsOf = ({ outcome, view }: GatedRequest): Record<string, object> =>
  Object.fromEntries(
    [...(outcome.edit?.elements ?? [])].map(([featureId, open]) => [
      featureId,
      { open, failureMode: view.snapshot.byId.get(featureId)?.state.failureMode },
    ]),
  );

export const makeElementsRoutes = (dependencies: Dependencies): Hono => {
  const { cache, gateRequest, cookies, reportEvent, now } = dependencies;
  const route = new Hono();

  route.get("/elements.js", (c) =>
    matchesEtag(c.req.header("If-None-Match") ?? null, SCRIPT_HEADERS.ETag)
      ? c.body(null, 304, SCRIPT_HEADERS)
      : c.body(ELEMENTS_SCRIPT, 200, SCRIPT_HEADERS),
  );

  route.get("/elements", async (c) => {
    const page = pageOf(readIncoming(c.req.raw));
    if (page === null)
      return problem(400, "path must be a path of the site, such as /checkout, without a query");
    const waitUntil = waitUntilOf(c);
    await readAsNewAs(c.req.query("etag") ?? null, cache, waitUntil);
    const gated = await gateRequest(page, waitUntil, kindOf(page.request));
    const { identity, isCounted, evaluation, view } = gated;
    if (isCounted && (identity.visitorId !== null || identity.userId !== null))
      reportEvent(page.request, identity, { says: "exposure", features: evaluation.compared }, waitUntil);
    const cookie = await renewCookie(cookies, gated, now());
    if (cookie !== null) c.header("Set-Cookie", cookie);
    return c.json({ revision: view.snapshot.revision, elements: elementsOf(gated) });
  });

  return route;
};
