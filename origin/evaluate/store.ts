// Stores what a check folded and decided. The trial's stamp makes it exactly once: whoever read another one has lost
// to another check and stores nothing, so no bucket is ever counted twice.
import type { ExplainedDecision } from "../decide/explain.ts";
import type { Evidence } from "../decide/evidence.ts";
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Rule } from "../../shared/rule.ts";
import { trialStamp } from "./due.ts";

export type NewTrial = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly terms: string;
  /** What was read; null when there was no trial. */
  readonly expectedStamp: string | null;
  readonly decided: "KEEP" | "ROLLBACK" | null;
  readonly cause: readonly string[];
  readonly evidence: Evidence;
  readonly treatmentSketch: Buffer;
  readonly holdoutSketch: Buffer;
  /** What this check adds to the epoch's spent α: the rule's, when a trial begins in enforce mode. */
  readonly alphaSpent: number;
};

export type NewEvaluation = {
  readonly decision: ExplainedDecision;
  readonly mode: Rule["mode"];
  /** Unix seconds */
  readonly at: number;
  readonly mature: number;
};

/**
 * The trial's new stamp; null: another check was first, nothing was stored. One statement, so one round trip and
 * one transaction. Evidence alone is not waited for the disk: if a crash takes it away it is folded again from where the trial
 * then stands, and what is decided on it is committed after it, so never without it.
 */
export const storeCheck = async (
  db: Queryable,
  trial: NewTrial,
  evaluation: NewEvaluation | null,
): Promise<string | null> => {
  const { rows } = await db.query<{ stamp: string }>({
    name: "store-check",
    text: `
     with trial as (
       insert into pmf_trials as t
         (feature_id, epoch, terms, seq, decided, cause, evidence, treatment_sketch, holdout_sketch,
          alpha_spent)
       select $1, $2, $3, 1, $5, $6, $7, $8, $9, $17
       where $4::text is null
          or exists (select 1 from pmf_trials t where feature_id = $1 and epoch = $2 and ${trialStamp} = $4)
       on conflict (feature_id, epoch) do update set
         terms = excluded.terms, seq = t.seq + 1, decided = excluded.decided, cause = excluded.cause,
         evidence = excluded.evidence, treatment_sketch = excluded.treatment_sketch,
         holdout_sketch = excluded.holdout_sketch, alpha_spent = t.alpha_spent + excluded.alpha_spent,
         updated_at = now()
       where ${trialStamp} = $4
       returning ${trialStamp} as stamp
     ), evaluation as (
       insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
       select $1, $2, $10, to_timestamp($11), $12, $13, $14, $15, $16 from trial where $16::jsonb is not null
     )
     select stamp, case when $18 then set_config('synchronous_commit', 'off', true) end from trial`,
    values: [
      trial.featureId,
      trial.epoch,
      trial.terms,
      trial.expectedStamp,
      trial.decided,
      trial.cause,
      JSON.stringify(trial.evidence),
      trial.treatmentSketch,
      trial.holdoutSketch,
      evaluation?.decision.ruleVersion ?? 0,
      evaluation?.at ?? 0,
      evaluation?.mode ?? "",
      evaluation?.decision.action ?? "",
      evaluation?.decision.state ?? "",
      evaluation?.mature ?? 0,
      evaluation === null ? null : JSON.stringify(evaluation.decision),
      trial.alphaSpent,
      evaluation === null,
    ],
  });
  return rows[0]?.stamp ?? null;
};
