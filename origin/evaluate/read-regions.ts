// The regions that telemetry comes from, as they are shown.
import type { Queryable } from "../db/pool.ts";
import { heldFromSql } from "../span-log/regions.ts";

export type TelemetryRegion = {
  readonly region: string;
  readonly seenAt: Date;
  /** Spans that its edges say they have dropped, or saw refused, in all. */
  readonly droppedSpans: number;
  /** Evaluations wait for its telemetry from this time on; null: it is not cut off. */
  readonly waitsFrom: Date | null;
};

export const readRegions = async (db: Queryable): Promise<TelemetryRegion[]> => {
  const { rows } = await db.query<TelemetryRegion>(
    `select r.region, r.seen_at as "seenAt", r.dropped_spans as "droppedSpans",
       ${heldFromSql("(select max(seen_at) from telemetry_regions)")} as "waitsFrom"
     from telemetry_regions r order by r.region`,
  );
  return rows;
};
