// The features that one change may concern: those that it names, all that depend on them, and all that they require.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { recordColumns, recordSource, toRecord, type FeatureRecord } from "./feature-record.ts";

export type RelatedFeatures = ReadonlyMap<FeatureId, FeatureRecord>;

/** All features that need one of `featureIds`, directly or through others, the nearest first. */
export const dependentsOf = (related: RelatedFeatures, featureIds: readonly FeatureId[]): FeatureRecord[] => {
  const visited = new Set<FeatureId>(featureIds);
  const dependents: FeatureRecord[] = [];
  for (const id of visited) {
    for (const record of related.values()) {
      if (!record.requires.includes(id) || visited.has(record.state.featureId)) continue;
      visited.add(record.state.featureId);
      dependents.push(record);
    }
  }
  return dependents;
};

/** `also` names features that the change is about to require. */
export const readRelatedFeatures = async (
  db: Queryable,
  roots: { featureIds: readonly FeatureId[]; tag?: string; also?: readonly FeatureId[] },
): Promise<RelatedFeatures> => {
  const { rows } = await db.query({
    name: "read-related-features",
    text: `with recursive root as (
       select feature_id, requires from feature_flags where feature_id = any($1::text[]) or tags @> array[$2::text]
     ), dependent as (
       select feature_id from root
       union
       select f.feature_id from feature_flags f join dependent on f.requires @> array[dependent.feature_id]
     )
     select ${recordColumns} from ${recordSource}
     where f.feature_id in (select feature_id from dependent)
        or f.feature_id in (select unnest(requires) from root)
        or f.feature_id = any($3::text[])
     order by f.feature_id`,
    values: [roots.featureIds, roots.tag ?? null, roots.also ?? []],
  });
  return new Map(rows.map(toRecord).map((record) => [record.state.featureId, record]));
};
