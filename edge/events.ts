// `POST /.sluice/events`: a page tells by navigator.sendBeacon that its visitor did what a feature is for. Believed only
// from the site's own pages, of a visitor whose cookie holds a cohort of the feature, and not too often.
import { z } from "zod";
import { FeatureId, type UnitId } from "../shared/ids.ts";
import { err, ok, type Result } from "../shared/result.ts";

import { assign, isClosed, type Assigned } from "./request/gate.ts";
import type { Identity } from "./request/identify.ts";
import type { Seen } from "./state/memory.ts";
import { parseJson } from "./parse-json.ts";

const Event = z.object({ type: z.literal("activation"), featureId: FeatureId.optional() });
export type PageEvent = z.infer<typeof Event>;

export type EventRefusal = "foreign" | "tooLarge" | "malformed" | "tooMany";

const MAX_BYTES = 1_024;
const WINDOW_MS = 10_000;
const EVENTS_A_WINDOW = 20;
/** Units that are counted at the same time; beyond, counting begins anew. */
const MANY_UNITS = 10_000;

/** Browsers name the page's origin in every POST; who names none is no page of the site. */
const isOwnPage = (request: Request): boolean => {
  const origin = request.headers.get("Origin");
  if (origin !== null) return origin === new URL(request.url).origin;
  return request.headers.get("Sec-Fetch-Site") === "same-origin";
};

/** Reads no more than is allowed, whatever Content-Length says. */
export const readEvent = async (request: Request): Promise<Result<PageEvent, EventRefusal>> => {
  if (!isOwnPage(request)) return err("foreign");
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of request.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BYTES) return err("tooLarge");
  }
  const event = Event.safeParse(parseJson(text));
  return event.success ? ok(event.data) : err("malformed");
};

/** Whether a unit may still send an event at `now`, in ms. */
export const makeEventLimit = (): ((unitId: UnitId, now: number) => boolean) => {
  let counts = new Map<UnitId, number>();
  let windowEnds = 0;
  return (unitId, now) => {
    if (now >= windowEnds || counts.size >= MANY_UNITS) {
      counts = new Map();
      windowEnds = now + WINDOW_MS;
    }
    const count = (counts.get(unitId) ?? 0) + 1;
    counts.set(unitId, count);
    return count <= EVENTS_A_WINDOW;
  };
};

/** The features that the visitor acted on: the named one, else all; only open ones that their cookie holds. */
export const activatedBy = ({ featureId }: PageEvent, seen: Seen, identity: Identity): Assigned[] => {
  const { held } = identity;
  return seen.snapshot.enabled
    .filter(
      (feature) =>
        (featureId === undefined || feature.featureId === featureId) &&
        held.has(feature.holdKey) &&
        !isClosed(feature, seen.stale),
    )
    .map((feature) => assign(feature, identity));
};
