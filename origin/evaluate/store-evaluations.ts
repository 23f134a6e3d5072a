// Stores the trials and decisions of evaluations. The trial's stamp makes it exactly once: a process whose trial has another stamp
// has lost to another evaluation and stores nothing, so no bucket is ever counted twice.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { matureCount, type Evaluation } from "./evaluation.ts";
import type { ExplainedEvaluation } from "./explain-evaluations.ts";
import { toStoredEvidence, trialStamp } from "./stored-trial.ts";
import type { TargetReader } from "./target-reader.ts";

/** Between documents, in none of which it can be. As an array's elements they would be escaped: 5 ms for a hundred. */
const SEPARATOR = "\u001E";

type StoredAt = {
  /** unix seconds */
  readonly at: number;
  /** The view's, by which the counts were read; null: they were those of all partitions together. */
  readonly moves: number | null;
};

/** Texts of JSON documents; an empty one stands for none. */
const joinDocuments = (documents: readonly unknown[]): string =>
  documents.map((document) => (document === null ? "" : JSON.stringify(document))).join(SEPARATOR);

/**
 * The new stamps of the trials that were stored; of the others another evaluation was first. One statement for all of them, so
 * one round trip and one transaction. Evidence alone does not wait for the disk: if a crash takes it away it is accumulated again
 * from where the trial then stands, and a decision on it is committed after it, so never without it. Counts that were read
 * while a partition moved, or before the first one told the counts apart, may lack some or have them twice: then nothing is stored,
 * and the next round reads again.
 */
const storeEvaluations = async (
  db: Queryable,
  evaluations: readonly ExplainedEvaluation[],
  { at, moves }: StoredAt,
): Promise<ReadonlyMap<FeatureId, string>> => {
  if (evaluations.length === 0) return new Map();
  const targets = evaluations.map(({ target }) => target);
  const trials = evaluations.map(({ trial }) => trial);
  const stored = evaluations.map((evaluation) => (evaluation.explained === null ? null : evaluation));
  const { rows } = await db.query<{ feature_id: FeatureId; stamp: string }>({
    name: "store-evaluations",
    // Rows are locked in one order, whatever the plan: processes that store the same features must not wait in a circle.
    text: `
     with given as materialized (
       select *, string_to_array(causes, ' ') as cause
       from unnest(
         $1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
         string_to_array($7, chr(30))::jsonb[], $8::bytea[], $9::bytea[], $10::float8[],
         $11::text[], string_to_array($12, chr(30), '')::jsonb[], $13::float8[], $14::bigint[]
       ) as g (
         feature_id, epoch, stamp, terms, decided, causes, evidence, treatment_sketch, holdout_sketch, alpha_spent,
         mode, decision, at, mature)
       where case when $16::float8 is null then not (select by_partition from aggregate_database)
                  else $16::float8 = (select sum(moves) from partition_places) end
     ), held as (
       select t.feature_id, t.epoch from given g join pmf_trials t using (feature_id, epoch)
       where ${trialStamp} = g.stamp order by t.feature_id for update of t
     ), updated as (
       update pmf_trials t set
         terms = g.terms, seq = t.seq + 1, decided = g.decided, cause = g.cause, evidence = g.evidence,
         treatment_sketch = g.treatment_sketch, holdout_sketch = g.holdout_sketch,
         alpha_spent = t.alpha_spent + g.alpha_spent, updated_at = now()
       from held join given g using (feature_id, epoch)
       where t.feature_id = g.feature_id and t.epoch = g.epoch and ${trialStamp} = g.stamp
       returning t.feature_id, ${trialStamp} as stamp
     ), inserted as (
       insert into pmf_trials as t
         (feature_id, epoch, terms, seq, decided, cause, evidence, treatment_sketch, holdout_sketch, alpha_spent)
       select feature_id, epoch, terms, 1, decided, cause, evidence, treatment_sketch, holdout_sketch, alpha_spent
       from given where stamp is null order by feature_id
       on conflict do nothing
       returning t.feature_id, ${trialStamp} as stamp
     ), stored as (
       select * from updated union all select * from inserted
     ), evaluation as (
       insert into pmf_evaluations (feature_id, epoch, rule_version, at, mode, action, state, mature, decision)
       select feature_id, epoch, (decision ->> 'ruleVersion')::integer, to_timestamp(at), mode, decision ->> 'action',
         decision ->> 'state', mature, decision
       from given where decision is not null and feature_id in (select feature_id from stored)
       order by feature_id
     )
     select feature_id, stamp, case when $15 then set_config('synchronous_commit', 'off', true) end from stored`,
    values: [
      targets.map(({ featureId }) => featureId),
      targets.map(({ epoch }) => epoch),
      trials.map(({ expectedStamp }) => expectedStamp),
      trials.map(({ terms }) => terms),
      trials.map(({ decided }) => decided),
      trials.map(({ cause }) => cause.join(" ")),
      joinDocuments(trials.map(({ evidence }) => toStoredEvidence(evidence))),
      trials.map(({ treatmentSketch }) => treatmentSketch),
      trials.map(({ holdoutSketch }) => holdoutSketch),
      trials.map(({ alphaSpent }) => alphaSpent),
      stored.map((evaluation) => evaluation?.target.rule.mode),
      joinDocuments(stored.map((evaluation) => evaluation?.explained ?? null)),
      stored.map((evaluation) => evaluation && at),
      stored.map((evaluation) => evaluation && matureCount(evaluation.decision)),
      stored.every((evaluation) => evaluation === null),
      moves,
    ],
  });
  return new Map(rows.map(({ feature_id, stamp }) => [feature_id, stamp]));
};

const hasNews = ({ trial, isWorthStoring }: Evaluation): boolean => trial.changed || isWorthStoring;

/** Stores where there is news. Resolves to the evaluations that count: of the others another process was first. */
export const storeNews = async (
  db: Queryable,
  targets: Pick<TargetReader, "noteStored">,
  evaluations: readonly ExplainedEvaluation[],
  when: StoredAt,
): Promise<ExplainedEvaluation[]> => {
  const stamps = await storeEvaluations(db, evaluations.filter(hasNews), when);
  return evaluations.filter((evaluation) => {
    if (!hasNews(evaluation)) return true;
    const { target, trial, decision, isWorthStoring } = evaluation;
    const stamp = stamps.get(target.featureId);
    if (stamp === undefined) return false;
    const { state, heldBack = null, ruleVersion, details } = decision;
    const row = {
      state,
      heldBack,
      ruleVersion,
      mature: matureCount(decision),
      exposed: details.exposed.treatment,
    };
    targets.noteStored(target, { trial: { ...trial, stamp }, last: isWorthStoring ? row : target.last });
    return true;
  });
};
