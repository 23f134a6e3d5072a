// The features that one change may concern: those that it names, all that depend on them, and all that they require.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { FeatureId, type SegmentId } from "../../shared/ids.ts";
import { recordColumns, recordSource, toRecord, type FeatureRecord } from "./feature-record.ts";

/** `rule`: as it is stored; null: none. It is read only by the checks that need it, so that no rule stops a rollback. */
export type RelatedFeature = FeatureRecord & {
  readonly rule: unknown;
  /** It is open for somebody, has a rule, and the trial of its epoch has not come to KEEP. */
  readonly isUndecided: boolean;
};

const relatedColumns = `${recordColumns}, r.rule,
  f.enabled and f.rollout_bps > 0 and r.feature_id is not null and not exists (
    select from pmf_trials t where t.feature_id = f.feature_id and t.epoch = f.epoch and t.decided = 'KEEP'
  ) as is_undecided`;

type RelatedRow = { readonly rule: unknown; readonly is_undecided: boolean };

export type RelatedFeatures = ReadonlyMap<FeatureId, RelatedFeature>;

/** All features that need one of `featureIds`, directly or through others, the nearest first. */
export const dependentsOf = (
  related: RelatedFeatures,
  featureIds: readonly FeatureId[],
): RelatedFeature[] => {
  const visited = new Set<FeatureId>(featureIds);
  const dependents: RelatedFeature[] = [];
  for (const id of visited) {
    for (const record of related.values()) {
      if (!record.requires.includes(id) || visited.has(record.state.featureId)) continue;
      visited.add(record.state.featureId);
      dependents.push(record);
    }
  }
  return dependents;
};

const Deleted = z.object({ featureId: FeatureId, epoch: z.number() });

/** The last epoch of each of the features that was deleted. */
export const readDeletedEpochs = async (
  db: Queryable,
  featureIds: readonly FeatureId[],
): Promise<ReadonlyMap<FeatureId, number>> => {
  const { rows } = await db.query(
    `select feature_id as "featureId", epoch from feature_tombstones where feature_id = any($1::text[])`,
    [featureIds],
  );
  return new Map(rows.map((row) => Deleted.parse(row)).map(({ featureId, epoch }) => [featureId, epoch]));
};

/** The features whose targeting a segment is part of, and no others. */
export const readFeaturesOfSegment = async (
  db: Queryable,
  segmentId: SegmentId,
): Promise<RelatedFeatures> => {
  const { rows } = await db.query<RelatedRow>({
    name: "read-features-of-segment",
    text: `select ${relatedColumns} from ${recordSource} where f.segments @> array[$1::text] order by f.feature_id`,
    values: [segmentId],
  });
  return relatedOf(rows);
};

const relatedOf = (rows: readonly RelatedRow[]): RelatedFeatures =>
  new Map(
    rows.map((row) => {
      const record = toRecord(row);
      return [record.state.featureId, { ...record, rule: row.rule, isUndecided: row.is_undecided }];
    }),
  );

/** `also` names features that the change is about to require. */
export const readRelatedFeatures = async (
  db: Queryable,
  roots: {
    featureIds: readonly FeatureId[];
    tag?: string;
    also?: readonly FeatureId[];
  },
): Promise<RelatedFeatures> => {
  const { rows } = await db.query<RelatedRow>({
    name: "read-related-features",
    text: `with recursive root as (
       select feature_id, requires from feature_flags where feature_id = any($1::text[]) or tags @> array[$2::text]
     ), dependent as (
       select feature_id from root
       union
       select f.feature_id from feature_flags f join dependent on f.requires @> array[dependent.feature_id]
     )
     select ${relatedColumns} from ${recordSource}
     where f.feature_id in (select feature_id from dependent)
        or f.feature_id in (select unnest(requires) from root)
        or f.feature_id = any($3::text[])
     order by f.feature_id`,
    values: [roots.featureIds, roots.tag ?? null, roots.also ?? []],
  });
  return relatedOf(rows);
};

/**
 * The same for many features at once: all that depend on them are read level by level, since to look for the dependents of
 * each of a thousand by itself takes most of the time of a plan.
 */
export const readManyRelatedFeatures = async (
  db: Queryable,
  { featureIds, also }: { featureIds: readonly FeatureId[]; also: readonly FeatureId[] },
): Promise<RelatedFeatures> => {
  const related = new Map<FeatureId, RelatedFeature>();
  const read = async (condition: string, ids: readonly FeatureId[]): Promise<FeatureId[]> => {
    const { rows } = await db.query<RelatedRow>(
      `select ${relatedColumns} from ${recordSource} where ${condition} order by f.feature_id`,
      [ids],
    );
    const found = [...relatedOf(rows)].filter(([id]) => !related.has(id));
    for (const [id, record] of found) related.set(id, record);
    return found.map(([id]) => id);
  };
  await read("f.feature_id = any($1::text[])", [...featureIds, ...also]);
  const asked = new Set<FeatureId>();
  for (let level = featureIds; level.length > 0;) {
    for (const id of level) asked.add(id);
    level = (await read("f.requires && $1::text[]", level)).filter((id) => !asked.has(id));
  }
  return related;
};

/** The features whose targeting one of the segments is part of. */
export const readUsersOf = async (db: Queryable, segmentIds: readonly SegmentId[]): Promise<FeatureId[]> => {
  if (segmentIds.length === 0) return [];
  const { rows } = await db.query<{ feature_id: FeatureId }>(
    "select feature_id from feature_flags where segments && $1::text[] order by feature_id",
    [segmentIds],
  );
  return rows.map((row) => row.feature_id);
};

/** The features that a source's files own. */
export const readOwned = async (db: Queryable, source: string): Promise<FeatureId[]> => {
  const { rows } = await db.query<{ feature_id: FeatureId }>(
    "select feature_id from managed_features where source = $1 order by feature_id",
    [source],
  );
  return rows.map((row) => row.feature_id);
};
