// Segments as configuration files say them.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { SegmentId } from "../../../shared/ids.ts";
import { WrittenTargeting } from "../../../shared/features/written-targeting.ts";

const Row = z.object({
  segmentId: SegmentId,
  source: z.string().nullable(),
  file: z.string().nullable(),
  condition: WrittenTargeting,
  description: z.string().nullable(),
});

/** `source`: those that it owns. `tag`: those that features with this tag use, and no others. */
export const exportSegments = async (
  db: Queryable,
  { source, tag }: { readonly source?: string | undefined; readonly tag?: string | undefined },
) => {
  const { rows } = await db.query(
    `select s.segment_id as "segmentId", m.source, m.file, s.condition, s.description
     from segments s left join managed_segments m using (segment_id)
     where ($1::text is null or m.source = $1)
       and ($2::text is null or (
         select count(*) > 0 and bool_and(f.tags @> array[$2::text]) from feature_flags f where f.segments @> array[s.segment_id]))
     order by s.segment_id`,
    [source ?? null, tag ?? null],
  );
  return rows
    .map((row) => Row.parse(row))
    .map(({ segmentId, source: owner, file, condition, description }) => ({
      segmentId,
      source: owner,
      file,
      config: { ...(description === null ? {} : { description }), condition },
    }));
};
