// `POST /.sluice/events`: a page tells by navigator.sendBeacon that its visitor did what a feature is for. Believed only
// from the site's own pages, of a visitor whose cookie holds a cohort of the feature, and not too often.
import { z } from "zod";
import { FeatureId, type UnitId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";

import { assign, isClosed, type Assigned } from "../features/evaluate.ts";
import type { Identity } from "../visitor/cookie.ts";
import type { Seen } from "../snapshot/cache.ts";
import { readPosted, type PostRefusal } from "./same-origin-post.ts";
import { parseJson } from "../parse-json.ts";

const Event = z.object({ type: z.literal("activation"), featureId: FeatureId.optional() });
export type PageEvent = z.infer<typeof Event>;

export type EventRefusal = PostRefusal | "malformed" | "tooMany";

const MAX_CHARACTERS = 1_024;
const WINDOW_MS = 10_000;
const EVENTS_A_WINDOW = 20;
/** Units that are counted at the same time; beyond, counting begins anew. */
const MANY_UNITS = 10_000;

export const readEvent = async (request: Request): Promise<Result<PageEvent, EventRefusal>> => {
  const text = await readPosted(request, MAX_CHARACTERS);
  if (!text.ok) return text;
  const event = Event.safeParse(parseJson(text.value));
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

/** The open features that the visitor's cookie holds. */
export const stickyAssignments = ({ snapshot, stale }: Seen, identity: Identity): Assigned[] => {
  const { sticky } = identity;
  return snapshot.enabled
    .filter((feature) => sticky.has(feature.stickyKey) && !isClosed(feature, stale))
    .map((feature) => assign(feature, identity));
};

/** The features that the visitor acted on: the named one, else all that they are held for. */
export const activatedBy = ({ featureId }: PageEvent, seen: Seen, identity: Identity): Assigned[] =>
  stickyAssignments(seen, identity).filter(
    ({ feature }) => featureId === undefined || feature.featureId === featureId,
  );
