// A feature as the origin keeps it: the state for the edge, and the fields for those who operate it.
import { z } from "zod";
import { FeatureState } from "../../shared/features/feature.ts";
import { WrittenTargetingOrNone, type WrittenCondition } from "../../shared/features/written-targeting.ts";
import { FeatureId, Revision, SegmentId } from "../../shared/ids.ts";
import { StoredOperatorFields, type OperatorFields } from "../../shared/features/operator-fields.ts";
import { AppliedFields } from "./config/applied-fields.ts";
import { driftOf, type Drift } from "./config/difference.ts";

export type FeatureRecord = OperatorFields & {
  readonly state: FeatureState;
  /** The installation's revision at which this state was committed. */
  readonly revision: Revision;
  readonly epochStartedAt: Date;
  /** As it was written, with the names of segments. The state has their conditions in their place. */
  readonly targeting: WrittenCondition | null;
  /** All segments that the targeting is made of, also through others. */
  readonly segments: readonly SegmentId[];
  readonly tags: readonly string[];
  /** Features that must be open while this one is open. */
  readonly requires: readonly FeatureId[];
  /** Rollout at the last rollback; enabling again goes back to it. */
  readonly rolloutBeforeBps: number | null;
  readonly rollbackReason: string | null;
  /** Set while the feature is latched: rolled back and not enabled again by a person. */
  readonly rolledBackAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly ruleVersion: number | null;
  /** The configuration file that owns the feature; null: none does. */
  readonly managedBy: ManagedBy | null;
};

export type ManagedBy = {
  /** Names the set of files, such as a repository. */
  readonly source: string;
  readonly file: string;
  readonly appliedAt: Date;
  /** What was changed since by other means, and what the next apply takes back. */
  readonly drift: readonly Drift[];
};

const Row = z.object({
  state: FeatureState,
  revision: Revision,
  epoch_started_at: z.date(),
  written_targeting: WrittenTargetingOrNone,
  segments: z.array(SegmentId),
  tags: z.array(z.string()),
  requires: z.array(FeatureId),
  operator_fields: StoredOperatorFields,
  rollout_before_bps: z.number().nullable(),
  rollback_reason: z.string().nullable(),
  rolled_back_at: z.date().nullable(),
  created_at: z.date(),
  updated_at: z.date(),
  rule_version: z.number().nullable(),
  managed_by: z
    .object({
      source: z.string(),
      file: z.string(),
      appliedAt: z.coerce.date(),
      applied: AppliedFields,
      rule: z.unknown(),
    })
    .nullable(),
});

export const recordColumns = `full_feature_state(f) as state, f.revision, f.epoch_started_at, f.written_targeting, f.segments, f.tags, f.requires, f.operator_fields,
  f.rollout_before_bps, f.rollback_reason, f.rolled_back_at, f.created_at, f.updated_at, r.version as rule_version,
  case when m.feature_id is not null then jsonb_build_object('source', m.source, 'file', m.file,
    'appliedAt', m.applied_at, 'applied', m.applied, 'rule', r.rule) end as managed_by`;

export const recordSource =
  "feature_flags f left join pmf_rules r using (feature_id) left join managed_features m using (feature_id)";

export const toRecord = (row: unknown): FeatureRecord => {
  const parsed = Row.parse(row);
  const record = {
    state: parsed.state,
    revision: parsed.revision,
    epochStartedAt: parsed.epoch_started_at,
    targeting: parsed.written_targeting ?? parsed.state.targeting,
    segments: parsed.segments,
    tags: parsed.tags,
    requires: parsed.requires,
    ...parsed.operator_fields,
    rolloutBeforeBps: parsed.rollout_before_bps,
    rollbackReason: parsed.rollback_reason,
    rolledBackAt: parsed.rolled_back_at,
    createdAt: parsed.created_at,
    updatedAt: parsed.updated_at,
    ruleVersion: parsed.rule_version,
  };
  if (parsed.managed_by === null) return { ...record, managedBy: null };
  const { applied, rule, ...managed } = parsed.managed_by;
  return { ...record, managedBy: { ...managed, drift: driftOf(record, applied, rule) } };
};
