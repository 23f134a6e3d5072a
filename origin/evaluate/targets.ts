// The features to check: enabled, with a rule, and the trial that is running for their epoch, in one read.
import type { Queryable } from "../db/pool.ts";
import type { SignalName } from "../decide/decision.ts";
import type { Evidence } from "../decide/evidence.ts";
import type { RampPosition } from "../decide/ramp.ts";
import { agesOf, type Ages } from "../../shared/features/outcome-ages.ts";
import { FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import { fromStoredEvidence, type StoredEvidence } from "./stored-evidence.ts";
import { termsOf } from "./trial-terms.ts";

/**
 * SQL expression of what tells one stored state of the trial `t` from every other. Its number alone does not: after a crash
 * that took away what was not waited for, the same number is given to something else.
 */
export const trialStamp = "t.seq || '@' || extract(epoch from t.updated_at)";

/** A trial as stored. Its evidence was written by storeChecks and is trusted. */
export type StoredTrial = {
  readonly terms: string;
  readonly stamp: string;
  readonly decided: "KEEP" | "ROLLBACK" | null;
  readonly cause: readonly SignalName[];
  readonly evidence: Evidence;
  readonly treatmentSketch: Uint8Array;
  readonly holdoutSketch: Uint8Array;
};

export type EvaluationTarget = {
  readonly featureId: FeatureId;
  readonly version: number;
  readonly epoch: number;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
  /** Unix seconds */
  readonly epochStartedAt: number;
  readonly rule: Rule;
  readonly ruleVersion: number;
  /** Whether the edge itself sees activations, so that none means none. */
  readonly activationConfigured: boolean;
  /** The rule's: what its evidence is about, and at which ages and in which buckets it counts. */
  readonly terms: string;
  readonly ages: Ages;
  /**
   * Whether the counts are made by the rule's windows, or nothing is counted yet. After a change of the rule they are not until
   * the fold has counted anew; what is there until then is about other ages and buckets.
   */
  readonly isCounted: boolean;
  readonly trial: StoredTrial | null;
  /** Where it was seen last on its ramp; null before the first check with one. */
  readonly ramp: RampPosition | null;
  /** State and counted units of the newest stored evaluation of this epoch. */
  readonly last: { readonly state: string; readonly ruleVersion: number; readonly mature: number } | null;
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
  treatment_sketch: Buffer;
  holdout_sketch: Buffer;
  ramp_rollout_bps: number | null;
  ramp_since_s: number;
  ramp_paused: boolean;
  last_state: string | null;
  last_rule_version: number;
  last_mature: number;
};

const isCountedBy = (row: Row, ages: Ages, { returnAfterSeconds }: Rule): boolean =>
  row.activation_ages_s === null ||
  (row.bucket_s === ages.bucketSeconds &&
    row.return_after_s === returnAfterSeconds &&
    row.activation_ages_s.join() === ages.activation.join() &&
    row.retention_ages_s.join() === ages.retention.join());

const toTarget = (row: Row): EvaluationTarget => {
  const rule = Rule.parse(row.rule);
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
    trial:
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
          },
    ramp:
      row.ramp_rollout_bps === null
        ? null
        : { rolloutBps: row.ramp_rollout_bps, since: row.ramp_since_s, paused: row.ramp_paused },
    last:
      row.last_state === null
        ? null
        : { state: row.last_state, ruleVersion: row.last_rule_version, mature: row.last_mature },
  };
};

/** What there is to check: enabled features with a rule. */
export const readTargetIds = async (db: Queryable): Promise<FeatureId[]> => {
  const { rows } = await db.query<{ feature_id: string }>(
    "select feature_id from feature_flags join pmf_rules using (feature_id) where enabled order by feature_id",
  );
  return rows.map((row) => FeatureId.parse(row.feature_id));
};

/**
 * Condition and parameter for these features. One alone is asked for in words of its own: their plan is made once, where
 * that for a list is made anew each time, by its length, which takes longer than to find one feature.
 */
const among = (featureIds: readonly string[]) =>
  featureIds.length === 1
    ? { suffix: "-one", condition: "f.feature_id = $1", values: [featureIds[0]] }
    : { suffix: "", condition: "f.feature_id = any($1::text[])", values: [featureIds] };

const readInFull = async (db: Queryable, featureIds: readonly string[]): Promise<EvaluationTarget[]> => {
  if (featureIds.length === 0) return [];
  const { suffix, condition, values } = among(featureIds);
  const { rows } = await db.query<Row>({
    name: `read-due${suffix}`,
    text: `
     select f.feature_id, f.version, f.epoch, f.rollout_bps, f.holdout_bps,
            extract(epoch from f.epoch_started_at)::float8 as epoch_started_s,
            r.rule, r.version as rule_version, f.activation is not null as activation_configured,
            w.activation_ages_s, w.retention_ages_s, w.return_after_s, w.bucket_s,
            t.terms, ${trialStamp} as stamp, t.decided, t.cause, t.evidence, t.treatment_sketch, t.holdout_sketch,
            p.rollout_bps as ramp_rollout_bps, extract(epoch from p.since)::float8 as ramp_since_s,
            p.paused as ramp_paused,
            e.state as last_state, e.rule_version as last_rule_version, e.mature as last_mature
     from feature_flags f
     join pmf_rules r using (feature_id)
     left join pmf_trials t using (feature_id, epoch)
     left join fold_windows w using (feature_id, epoch)
     left join pmf_ramps p using (feature_id)
     left join lateral (
       select state, rule_version, mature from pmf_evaluations
       where feature_id = f.feature_id and epoch = f.epoch order by id desc limit 1
     ) e on true
     where f.enabled and ${condition}
     order by f.feature_id`,
    values,
  });
  return rows.map(toTarget);
};

/** What a feature's row in full depends on: the trial's stamp, and the rest in one word. */
type Mark = { feature_id: string; stamp: string | null; mark: string };

/** Short enough to be read for all features every second. */
const readMarks = async (db: Queryable, featureIds: readonly FeatureId[]): Promise<Mark[]> => {
  const { suffix, condition, values } = among(featureIds);
  const { rows } = await db.query<Mark>({
    name: `read-marks${suffix}`,
    text: `
     select f.feature_id, ${trialStamp} as stamp, concat_ws(' ', f.version, f.epoch, r.version,
       w.activation_ages_s::text, w.retention_ages_s::text, w.return_after_s, w.bucket_s,
       p.rollout_bps, p.since, p.paused) as mark
     from feature_flags f
     join pmf_rules r using (feature_id)
     left join pmf_trials t using (feature_id, epoch)
     left join fold_windows w using (feature_id, epoch)
     left join pmf_ramps p using (feature_id)
     where f.enabled and ${condition}
     order by f.feature_id`,
    values,
  });
  return rows;
};

/** More rows than this are not kept: features that were deleted would otherwise stay for ever. */
const MOST_KEPT = 20_000;

export type TargetReader = {
  /** All that is due, or only `featureIds`. */
  readonly read: (featureIds?: readonly FeatureId[]) => Promise<EvaluationTarget[]>;
  /** Takes note of what has just been stored of a feature, which then need not be read again. */
  readonly stored: (due: EvaluationTarget, now: Pick<EvaluationTarget, "trial" | "last">) => void;
};

/**
 * Rows in full (a trial's evidence is some kilobytes) are kept, and read again when their mark has changed or somebody else
 * has stored a trial: of a thousand features a second only those that something happened to.
 */
export const makeTargetReader = (db: Queryable): TargetReader => {
  const kept = new Map<string, { mark: string; due: EvaluationTarget }>();
  const isKept = ({ feature_id: id, mark, stamp }: Mark): boolean => {
    const known = kept.get(id);
    return known?.mark === mark && (known.due.trial?.stamp ?? null) === stamp;
  };
  return {
    read: async (featureIds) => {
      const marks = await readMarks(db, featureIds ?? (await readTargetIds(db)));
      const changed = marks.filter((mark) => !isKept(mark)).map(({ feature_id: id }) => id);
      const read = new Map((await readInFull(db, changed)).map((due) => [String(due.featureId), due]));
      const found: EvaluationTarget[] = [];
      for (const { feature_id: id, mark } of marks) {
        const due = read.get(id) ?? kept.get(id)?.due;
        if (due === undefined) continue;
        kept.set(id, { mark, due });
        found.push(due);
      }
      if (kept.size > MOST_KEPT) kept.clear();
      return found;
    },
    stored: (due, now) => {
      const known = kept.get(due.featureId);
      if (known?.due === due) kept.set(due.featureId, { mark: known.mark, due: { ...due, ...now } });
    },
  };
};
