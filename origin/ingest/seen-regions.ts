// The regions whose telemetry was acknowledged since the last write, and what their edges say they have lost.
import type { Queryable } from "../db/pool.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { recordRegions, type SeenRegion } from "../span-log/regions.ts";

/** Names between two writes; with more, the sender makes them up. */
const MAX_NAMES = 1_000;

export type SeenRegions = {
  readonly add: (resources: readonly SeenRegion[]) => void;
  /** After a failure they stay for the next time. */
  readonly write: () => Promise<void>;
};

export const makeSeenRegions = (db: Queryable, metrics: Pick<Metrics, "edgeDroppedSpans">): SeenRegions => {
  let dropped = new Map<string, number>();
  /** labels of the metric */
  const labels = new Set<string>();

  const note = ({ region, droppedSpans }: SeenRegion): boolean => {
    if (dropped.size >= MAX_NAMES && !dropped.has(region)) return false;
    dropped.set(region, (dropped.get(region) ?? 0) + droppedSpans);
    return true;
  };

  const labelOf = (region: string): string => {
    if (labels.size < MAX_NAMES) labels.add(region);
    return labels.has(region) ? region : "other";
  };

  return {
    add: (resources) => {
      for (const resource of resources)
        if (note(resource) && resource.droppedSpans > 0)
          metrics.edgeDroppedSpans.inc({ region: labelOf(resource.region) }, resource.droppedSpans);
    },
    write: async () => {
      const written = [...dropped].map(([region, droppedSpans]) => ({ region, droppedSpans }));
      dropped = new Map();
      try {
        await recordRegions(db, written);
      } catch (error) {
        for (const seen of written) note(seen);
        throw error;
      }
    },
  };
};
