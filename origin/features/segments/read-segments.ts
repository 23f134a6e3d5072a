// Reads segments: those that a targeting is made of, all of them for a change, and with their users for a list.
import { z } from "zod";
import { pageOf, type Page } from "../../db/page.ts";
import type { Queryable } from "../../db/pool.ts";
import {
  segmentsNamedIn,
  WrittenTargeting,
  type WrittenCondition,
} from "../../../shared/features/written-targeting.ts";
import { FeatureId, SegmentId } from "../../../shared/ids.ts";
import type { ManagedBy } from "../feature-record.ts";
import type { SegmentParts } from "./expand-targeting.ts";
import { driftOfSegment } from "./segment-owners.ts";

export type Segment = {
  readonly segmentId: SegmentId;
  readonly condition: WrittenCondition;
  readonly description: string | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};
export type Segments = ReadonlyMap<SegmentId, Segment>;

const fields = {
  segmentId: SegmentId,
  condition: WrittenTargeting,
  description: z.string().nullable(),
  version: z.number(),
  createdAt: z.date(),
  updatedAt: z.date(),
};
const Row = z.object(fields);

const columns = `s.segment_id as "segmentId", s.condition, s.description, s.version, s.created_at as "createdAt",
  s.updated_at as "updatedAt"`;

const byId = (rows: readonly unknown[]): Segments =>
  new Map(rows.map((row) => Row.parse(row)).map((segment) => [segment.segmentId, segment]));

/** The segments that the targetings name, and those that these name. Nothing is read where there are none. */
export const readNeededSegments = async (
  db: Queryable,
  targetings: readonly (WrittenCondition | null)[],
): Promise<SegmentParts> => {
  const named = targetings.flatMap((targeting) => (targeting === null ? [] : segmentsNamedIn(targeting)));
  if (named.length === 0) return new Map();
  const { rows } = await db.query({
    name: "read-needed-segments",
    text: `with recursive needed (segment_id) as (
        select unnest($1::text[])
        union
        select unnest(s.uses) from segments s join needed using (segment_id)
      )
      select ${columns} from segments s where s.segment_id in (select segment_id from needed)`,
    values: [named],
  });
  return byId(rows);
};

export const readAllSegments = async (db: Queryable): Promise<Segments> =>
  byId((await db.query({ name: "read-all-segments", text: `select ${columns} from segments s` })).rows);

export type SegmentUser = {
  readonly featureId: FeatureId;
  readonly enabled: boolean;
  /** It is open and has a rule: people are counted. */
  readonly onTrial: boolean;
};
export type UsedSegment = Segment & {
  /** Features whose targeting it is part of, also through other segments. */
  readonly features: readonly SegmentUser[];
  /** Segments that name it. */
  readonly usedBy: readonly SegmentId[];
  /** The configuration file that owns the segment; null: none does. */
  readonly managedBy: ManagedBy | null;
};

export type SegmentQuery = { readonly limit: number; readonly after?: string | undefined };

const UsedRow = z.object({
  ...fields,
  features: z.array(z.object({ featureId: FeatureId, enabled: z.boolean(), onTrial: z.boolean() })),
  usedBy: z.array(SegmentId),
  managed: z
    .object({
      source: z.string(),
      file: z.string(),
      appliedAt: z.coerce.date(),
      applied: z.record(z.string(), z.unknown()),
    })
    .nullable(),
});

const usedSegment = (row: unknown): UsedSegment => {
  const { managed, ...segment } = UsedRow.parse(row);
  if (managed === null) return { ...segment, managedBy: null };
  const { applied, ...owner } = managed;
  return { ...segment, managedBy: { ...owner, drift: driftOfSegment(segment, applied) } };
};

const usedColumns = `${columns},
  coalesce((
    select jsonb_agg(jsonb_build_object('featureId', f.feature_id, 'enabled', f.enabled,
      'onTrial', f.enabled and r.feature_id is not null) order by f.feature_id)
    from feature_flags f left join pmf_rules r using (feature_id) where f.segments @> array[s.segment_id]), '[]') as features,
  array(select u.segment_id from segments u where u.uses @> array[s.segment_id] order by u.segment_id) as "usedBy",
  (select jsonb_build_object('source', m.source, 'file', m.file, 'appliedAt', m.applied_at, 'applied', m.applied)
    from managed_segments m where m.segment_id = s.segment_id) as managed`;

export const getSegment = async (db: Queryable, segmentId: SegmentId): Promise<UsedSegment | null> => {
  const { rows } = await db.query({
    name: "get-segment",
    text: `select ${usedColumns} from segments s where s.segment_id = $1`,
    values: [segmentId],
  });
  return rows[0] === undefined ? null : usedSegment(rows[0]);
};

/** By their ids, rising. */
export const listSegments = async (
  db: Queryable,
  { limit, after = "" }: SegmentQuery,
): Promise<Page<UsedSegment, SegmentId>> => {
  const { rows } = await db.query({
    name: "list-segments",
    text: `select ${usedColumns} from segments s where s.segment_id > $1 order by s.segment_id limit $2`,
    values: [after, limit + 1],
  });
  return pageOf(rows.map(usedSegment), limit, ({ segmentId }) => segmentId);
};
