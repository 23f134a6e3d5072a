// A feature as the origin keeps it: what the edge serves, and what only those who operate it need to know.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";

export type FeatureRecord = {
  readonly state: FeatureState;
  /** The installation's revision at which this state was committed. */
  readonly revision: Revision;
  readonly epochStartedAt: Date;
  readonly tags: readonly string[];
  /** Features that must be open while this one is. */
  readonly requires: readonly FeatureId[];
  /** Rollout at the last rollback; enabling again goes back to it. */
  readonly rolloutBeforeBps: number | null;
  readonly rollbackReason: string | null;
  /** Set while the feature is latched: rolled back and not enabled again by a person. */
  readonly rolledBackAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly ruleVersion: number | null;
};

const Row = z.object({
  state: FeatureState,
  revision: Revision,
  epoch_started_at: z.date(),
  tags: z.array(z.string()),
  requires: z.array(FeatureId),
  rollout_before_bps: z.number().nullable(),
  rollback_reason: z.string().nullable(),
  rolled_back_at: z.date().nullable(),
  created_at: z.date(),
  updated_at: z.date(),
  rule_version: z.number().nullable(),
});

/** SQL expression of the edge's state of `feature_flags f`. */
export const stateJson = `jsonb_build_object(
  'featureId', f.feature_id, 'enabled', f.enabled, 'rolloutBps', f.rollout_bps, 'holdoutBps', f.holdout_bps,
  'epoch', f.epoch, 'version', f.version, 'failureMode', f.failure_mode, 'targeting', f.targeting,
  'routes', f.routes, 'gate', f.gate, 'activation', f.activation)`;

export const recordColumns = `${stateJson} as state, f.revision, f.epoch_started_at, f.tags, f.requires,
  f.rollout_before_bps, f.rollback_reason, f.rolled_back_at, f.created_at, f.updated_at, r.version as rule_version`;

export const recordSource = "feature_flags f left join pmf_rules r using (feature_id)";

export const toRecord = (row: unknown): FeatureRecord => {
  const parsed = Row.parse(row);
  return {
    state: parsed.state,
    revision: parsed.revision,
    epochStartedAt: parsed.epoch_started_at,
    tags: parsed.tags,
    requires: parsed.requires,
    rolloutBeforeBps: parsed.rollout_before_bps,
    rollbackReason: parsed.rollback_reason,
    rolledBackAt: parsed.rolled_back_at,
    createdAt: parsed.created_at,
    updatedAt: parsed.updated_at,
    ruleVersion: parsed.rule_version,
  };
};

/** Everything one change may concern: the features themselves, all that depend on them, and what they require. */
export type Family = ReadonlyMap<FeatureId, FeatureRecord>;

const toFamily = (rows: readonly unknown[]): Family =>
  new Map(rows.map(toRecord).map((record) => [record.state.featureId, record]));

/** `also` names features that the change is about to require. */
export const readFamily = async (
  db: Queryable,
  roots: { featureIds: readonly FeatureId[]; tag?: string; also?: readonly FeatureId[] },
): Promise<Family> => {
  const { rows } = await db.query({
    name: "read-family",
    text: `with recursive root as (
       select feature_id, requires from feature_flags where feature_id = any($1::text[]) or tags @> array[$2::text]
     ), down as (
       select feature_id from root
       union
       select d.feature_id from feature_flags d join down on d.requires @> array[down.feature_id]
     )
     select ${recordColumns} from ${recordSource}
     where f.feature_id in (select feature_id from down)
        or f.feature_id in (select unnest(requires) from root)
        or f.feature_id = any($3::text[])
     order by f.feature_id`,
    values: [roots.featureIds, roots.tag ?? null, roots.also ?? []],
  });
  return toFamily(rows);
};
