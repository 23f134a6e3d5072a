// `POST /.sluice/events`: a page tells by navigator.sendBeacon that its visitor did what a feature is for. Only the site's
// own pages and those of CORS_ORIGINS may tell it, of a visitor who has a cookie, and not too often.
import { Hono } from "hono";
import * as z from "zod";
import { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { evaluateActivations, previewedId } from "../features/evaluate.ts";
import { readIncoming } from "../incoming-request.ts";
import { parseJson } from "../parse-json.ts";
import type { SnapshotCache } from "../snapshot/cache.ts";
import type { Identify } from "../visitor/identify.ts";
import type { Previews } from "../visitor/preview.ts";
import { makeCors } from "./cors.ts";
import type { ReadPageOrigin } from "./page-origin.ts";
import { problem } from "./problem.ts";
import { makeRateLimit } from "./rate-limit.ts";
import { readBody, type BodyError } from "./read-body.ts";
import type { ReportEvent } from "./report-event.ts";
import { waitUntilOf } from "./wait-until.ts";

const PageEvent = z.object({ type: z.literal("activation"), featureId: FeatureId.optional() });
type PageEvent = z.infer<typeof PageEvent>;

type EventError = BodyError | { readonly reason: "foreign" | "malformed" | "tooMany" };

type Dependencies = {
  readonly cache: Pick<SnapshotCache, "read">;
  readonly identify: Identify;
  readonly previews: Previews;
  readonly readPageOrigin: ReadPageOrigin;
  readonly reportEvent: ReportEvent;
  readonly now: () => number;
};

const MAX_BYTES = 1_024;

const readEvent = async (request: Request): Promise<Result<PageEvent, EventError>> => {
  const body = await readBody(request, MAX_BYTES);
  if (!body.ok) return body;
  const event = PageEvent.safeParse(parseJson(body.value));
  return event.success ? ok(event.data) : err({ reason: "malformed" });
};

const problemOf = (error: EventError): Response => {
  switch (error.reason) {
    case "foreign":
      return problem(403, "events are taken from the site's own pages and those of CORS_ORIGINS only");
    case "tooLarge":
      return problem(413, `an event has at most ${error.maxBytes} bytes`);
    case "malformed":
      return problem(400, 'an event is {"type": "activation", "featureId"?: "…"}');
    case "tooMany":
      return problem(429, "one visitor sent too many events");
  }
};

export const makeEventsRoute = (dependencies: Dependencies): Hono => {
  const { cache, identify, previews, readPageOrigin, reportEvent, now } = dependencies;
  const isAllowed = makeRateLimit();
  const route = new Hono();
  route.use(makeCors(readPageOrigin));
  route.post("/", async (c) => {
    if (readPageOrigin(c.req.raw) === "none") return problemOf({ reason: "foreign" });
    const event = await readEvent(c.req.raw);
    if (!event.ok) return problemOf(event.error);
    const incoming = readIncoming(c.req.raw);
    const identity = await identify(incoming);
    const { visitorId } = identity;
    if (identity.signed === null || visitorId === null) return c.body(null, 204); // nobody who could have acted
    if (!isAllowed(visitorId, now())) return problemOf({ reason: "tooMany" });
    const waitUntil = waitUntilOf(c);
    const { snapshot, stale } = await cache.read(waitUntil);
    const { featureId } = event.value;
    const named = snapshot.enabled.filter((each) => featureId === undefined || each.featureId === featureId);
    const previewId = previewedId(snapshot, await previews.read(incoming));
    const features = evaluateActivations(named, { stale, previewId }, identity);
    reportEvent(incoming.request, identity, { says: "activation", features }, waitUntil);
    return c.body(null, 204);
  });
  return route;
};
