// Which configuration files own which segments, and what was changed of these by other means.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { SegmentId } from "../../../shared/ids.ts";
import { differences, type Drift, type Fields } from "../config/difference.ts";

export type SegmentOwner = {
  /** Names the set of files, such as a repository. */
  readonly source: string;
  readonly file: string;
  /** As the file had it at the last apply. */
  readonly applied: Fields;
};
export type SegmentOwners = ReadonlyMap<SegmentId, SegmentOwner>;

const Row = z.object({
  segmentId: SegmentId,
  source: z.string(),
  file: z.string(),
  applied: z.record(z.string(), z.unknown()),
});

/** Of all segments that a file owns. */
export const readSegmentOwners = async (db: Queryable): Promise<SegmentOwners> => {
  const { rows } = await db.query(
    `select segment_id as "segmentId", source, file, applied from managed_segments order by segment_id`,
  );
  return new Map(rows.map((row) => Row.parse(row)).map(({ segmentId, ...owner }) => [segmentId, owner]));
};

/** What differs from the file as it was applied last. */
export const driftOfSegment = (
  { condition, description }: { readonly condition: unknown; readonly description: string | null },
  applied: Fields,
): Drift[] => {
  const file = { condition: applied["condition"], description: applied["description"] ?? null };
  return differences({ condition, description }, file).map(({ field, from, to }) => ({
    field,
    file: to,
    now: from,
  }));
};
