// The evaluation targets: enabled features with a rule, each with the trial that is running for its epoch, in one read.
import type { Queryable } from "../db/pool.ts";
import type { SignalName } from "../decide/decision.ts";
import { judgedRule, type JudgedRule } from "../decide/judged-rule.ts";
import type { RampPosition } from "../decide/ramp.ts";
import { agesOf, type Ages } from "../../shared/features/outcome-ages.ts";
import { FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import { fromStoredEvidence, trialStamp, type StoredEvidence, type StoredTrial } from "./stored-trial.ts";
import { termsOf } from "./trial-terms.ts";

export type EvaluationTarget = {
  readonly featureId: FeatureId;
  readonly version: number;
  readonly epoch: number;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
  /** Unix seconds */
  readonly epochStartedAt: number;
  readonly rule: JudgedRule;
  readonly ruleVersion: number;
  /** Whether the edge itself sees activations, so that none means none. */
  readonly activationConfigured: boolean;
  /** The rule's: what its evidence is about, and at which ages and in which buckets it counts. */
  readonly terms: string;
  readonly ages: Ages;
  /**
   * Whether the counts are made by the rule's windows, or nothing is counted yet. After a change of the rule the old counts are
   * about other ages and buckets until the fold has counted anew.
   */
  readonly isCounted: boolean;
  readonly trial: StoredTrial | null;
  /** Where it was seen last on its ramp; null before the first evaluation with one. */
  readonly ramp: RampPosition | null;
  /** The newest stored evaluation of this epoch: its state, and the units that it counted. */
  readonly last: {
    readonly state: string;
    readonly heldBack: string | null;
    readonly ruleVersion: number;
    readonly mature: number;
    readonly exposed: number;
  } | null;
};

type Row = {
  feature_id: string;
  version: number;
  epoch: number;
  rollout_bps: number;
  holdout_bps: number;
  epoch_started_s: number;
  rule: unknown;
  rule_version: number;
  activation_configured: boolean;
  activation_ages_s: number[] | null;
  retention_ages_s: number[];
  return_after_s: number;
  bucket_s: number;
  terms: string | null;
  stamp: string;
  decided: StoredTrial["decided"];
  cause: SignalName[];
  evidence: StoredEvidence;
  treatment_sketch: Uint8Array;
  holdout_sketch: Uint8Array;
  ramp_rollout_bps: number | null;
  ramp_since_s: number;
  ramp_paused: boolean;
  last_state: string | null;
  last_held_back: string | null;
  last_rule_version: number;
  last_mature: number;
  last_exposed: number;
  /** why its telemetry cannot be counted */
  set_aside: string | null;
};

const isCountedBy = (row: Row, ages: Ages, { returnAfterSeconds }: Rule): boolean =>
  row.activation_ages_s === null ||
  (row.bucket_s === ages.bucketSeconds &&
    row.return_after_s === returnAfterSeconds &&
    row.activation_ages_s.join() === ages.activation.join() &&
    row.retention_ages_s.join() === ages.retention.join());

const trialOf = (row: Row): StoredTrial | null =>
  row.terms === null
    ? null
    : {
        terms: row.terms,
        stamp: row.stamp,
        decided: row.decided,
        cause: row.cause,
        evidence: fromStoredEvidence(row.evidence),
        treatmentSketch: row.treatment_sketch,
        holdoutSketch: row.holdout_sketch,
      };

const rampOf = (row: Row): RampPosition | null =>
  row.ramp_rollout_bps === null
    ? null
    : { rolloutBps: row.ramp_rollout_bps, since: row.ramp_since_s, paused: row.ramp_paused };

const lastOf = (row: Row): EvaluationTarget["last"] =>
  row.last_state === null
    ? null
    : {
        state: row.last_state,
        heldBack: row.last_held_back,
        ruleVersion: row.last_rule_version,
        mature: row.last_mature,
        exposed: row.last_exposed,
      };

const targetOf = (row: Row): EvaluationTarget => {
  // What is counted lacks what is set aside: users would seem not to have acted.
  if (row.set_aside !== null) throw new Error(`its telemetry cannot be counted: ${row.set_aside}`);
  const rule = judgedRule(Rule.parse(row.rule), { holdoutBps: row.holdout_bps });
  const ages = agesOf(rule);
  return {
    featureId: FeatureId.parse(row.feature_id),
    version: row.version,
    epoch: row.epoch,
    rolloutBps: row.rollout_bps,
    holdoutBps: row.holdout_bps,
    epochStartedAt: row.epoch_started_s,
    rule,
    ruleVersion: row.rule_version,
    activationConfigured: row.activation_configured,
    terms: termsOf(rule),
    ages,
    isCounted: isCountedBy(row, ages, rule),
    trial: trialOf(row),
    ramp: rampOf(row),
    last: lastOf(row),
  };
};

/** All of them, or those among `featureIds`. */
export const readTargetIds = async (
  db: Queryable,
  featureIds: readonly string[] | null = null,
): Promise<FeatureId[]> => {
  const { rows } = await db.query<{ feature_id: string }>(
    `select feature_id from feature_flags join pmf_rules using (feature_id)
     where enabled and ($1::text[] is null or feature_id = any($1)) order by feature_id`,
    [featureIds],
  );
  return rows.map((row) => FeatureId.parse(row.feature_id));
};

/**
 * Condition and parameter for these features. One alone has a statement of its own: its plan is made once, where that for a
 * list is made anew each time, by its length, which takes longer than to find one feature.
 */
export const among = (featureIds: readonly string[]) =>
  featureIds.length === 1
    ? { suffix: "-one", condition: "f.feature_id = $1", values: [featureIds[0]] }
    : { suffix: "", condition: "f.feature_id = any($1::text[])", values: [featureIds] };

/** A feature whose stored rule or trial cannot be read. */
export type UnreadableTarget = { readonly featureId: string; readonly error: unknown };

const readRow = (row: Row): EvaluationTarget | UnreadableTarget => {
  try {
    return targetOf(row);
  } catch (error) {
    return { featureId: row.feature_id, error };
  }
};

/** One that cannot be read does not keep the others from being evaluated. */
export const readTargets = async (
  db: Queryable,
  featureIds: readonly string[],
): Promise<(EvaluationTarget | UnreadableTarget)[]> => {
  if (featureIds.length === 0) return [];
  const { suffix, condition, values } = among(featureIds);
  const { rows } = await db.query<Row>({
    name: `read-targets${suffix}`,
    text: `
     select f.feature_id, f.version, f.epoch, f.rollout_bps, f.holdout_bps,
            extract(epoch from f.epoch_started_at)::float8 as epoch_started_s,
            r.rule, r.version as rule_version, f.activation is not null as activation_configured,
            w.activation_ages_s, w.retention_ages_s, w.return_after_s, w.bucket_s,
            t.terms, ${trialStamp} as stamp, t.decided, t.cause, t.evidence, t.treatment_sketch, t.holdout_sketch,
            p.rollout_bps as ramp_rollout_bps, extract(epoch from p.since)::float8 as ramp_since_s,
            p.paused as ramp_paused,
            e.state as last_state, e.decision ->> 'heldBack' as last_held_back, e.rule_version as last_rule_version, e.mature as last_mature,
            (select q.error from fold_quarantine q where q.feature_id = f.feature_id and q.epoch = f.epoch
             limit 1) as set_aside,
            coalesce((e.decision #>> '{details,exposed,treatment}')::float8, 0) as last_exposed
     from feature_flags f
     join pmf_rules r using (feature_id)
     left join pmf_trials t using (feature_id, epoch)
     left join fold_windows w using (feature_id, epoch)
     left join pmf_ramps p using (feature_id)
     left join lateral (
       select state, rule_version, mature, decision from pmf_evaluations
       where feature_id = f.feature_id and epoch = f.epoch order by id desc limit 1
     ) e on true
     where f.enabled and ${condition}
     order by f.feature_id`,
    values,
  });
  return rows.map(readRow);
};
