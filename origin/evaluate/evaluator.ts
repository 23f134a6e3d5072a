// Evaluates features: reads the targets and the buckets that have matured, accumulates them, decides, explains, stores, and
// carries the decision out. It reads nothing but aggregates, so it costs the same at any number of users.
import type { Pool } from "../db/pool.ts";
import type { Decision } from "../decide/decision.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { batchTargets } from "./batches.ts";
import { makeCarryOut, type Effect, type RollbackFeature, type SetRollout } from "./effects.ts";
import { evaluateTrial, matureCount, type Evaluation } from "./evaluation.ts";
import { explainEvaluations, type ExplainedEvaluation } from "./explain-evaluations.ts";
import { makeLooks } from "./looks.ts";
import { readMature, type EvaluationClock } from "./read-mature.ts";
import { reportDecision } from "./report-metrics.ts";
import { storeEvaluations } from "./store-evaluations.ts";
import { makeTargetReader } from "./target-reader.ts";
import type { EvaluationTarget } from "./targets.ts";
import { currentTrial } from "./trials.ts";
import { updateTrial } from "./update-trial.ts";
import { makeWatermark } from "./watermark.ts";
import { makeYieldAfter } from "./yield-after.ts";

export type EvaluationOutcome = {
  readonly featureId: FeatureId;
  readonly decision: Decision;
  readonly effect: Effect;
};

export type Evaluator = {
  /** Evaluates all features, or those named. A feature that another process is just evaluating is left out. */
  readonly evaluate: (featureIds?: readonly FeatureId[]) => Promise<EvaluationOutcome[]>;
};

/** While the database stores one batch, the next is read and accumulated. */
const BATCHES_AT_ONCE = 2;
/** Decisions of a batch that are carried out at once: fewer than the pool has connections. */
const EFFECTS_AT_ONCE = 3;
/** After this long, in ms, the other work of the process gets its turn. */
const YIELD_AFTER_MS = 5;

/**
 * `lagSeconds` tells how far aggregation is behind acknowledged telemetry (null: unknown, and nothing is decided); `now`
 * is unix seconds.
 */
export const makeEvaluator = (needs: {
  pool: Pool;
  rollbackFeature: RollbackFeature;
  setRollout: SetRollout;
  metrics: Metrics;
  log: Logger;
  now: () => number;
  lagSeconds: () => number | null;
}): Evaluator => {
  const { pool, metrics, now, lagSeconds } = needs;
  const targets = makeTargetReader(pool);
  const watermarkAt = makeWatermark(pool);
  const looks = makeLooks(pool);
  const carryOut = makeCarryOut(needs);

  /** Accumulates and decides; stores nothing. */
  const look = async (
    batch: readonly EvaluationTarget[],
    clock: EvaluationClock,
    yieldIfDue: () => Promise<void>,
  ): Promise<Evaluation[]> => {
    const trials = batch.map((target) => ({ target, trial: currentTrial(target, clock.now) }));
    const mature = await readMature(pool, trials, clock);
    const evaluations: Evaluation[] = [];
    for (const [index, { target, trial }] of trials.entries()) {
      const found = mature[index];
      if (found === undefined) continue;
      const updated = updateTrial(target, trial, found, clock.now);
      evaluations.push(evaluateTrial(target, updated, { now: clock.now, lagSeconds: lagSeconds() }));
      await yieldIfDue();
    }
    return evaluations;
  };

  /** Those that count: stored where there was news, unless another process was first. */
  const store = async (
    evaluations: readonly ExplainedEvaluation[],
    at: number,
  ): Promise<ExplainedEvaluation[]> => {
    const hasNews = ({ trial, isWorthStoring }: Evaluation) => trial.changed || isWorthStoring;
    const stamps = await storeEvaluations(pool, evaluations.filter(hasNews), at);
    return evaluations.filter((evaluation) => {
      if (!hasNews(evaluation)) return true;
      const { target, trial, decision } = evaluation;
      const stamp = stamps.get(target.featureId);
      if (stamp === undefined) return false;
      const { state, ruleVersion, details } = decision;
      const mature = matureCount(decision);
      targets.noteStored(target, {
        trial: { ...trial, stamp },
        last: evaluation.isWorthStoring
          ? { state, ruleVersion, mature, exposed: details.exposed.treatment }
          : target.last,
      });
      return true;
    });
  };

  const finish = async (evaluation: ExplainedEvaluation, at: number): Promise<EvaluationOutcome> => {
    const { target, decision, explained, isNew } = evaluation;
    const { featureId } = target;
    reportDecision(metrics, featureId, decision);
    const effect = await carryOut({ target, decision: explained ?? decision, isNew, at });
    return { featureId, decision, effect };
  };

  const evaluateBatch = async (
    batch: readonly EvaluationTarget[],
    clock: EvaluationClock,
    yieldIfDue: () => Promise<void>,
  ): Promise<EvaluationOutcome[]> => {
    const beganAt = performance.now();
    const evaluations = await look(batch, clock, yieldIfDue);
    const explained = await explainEvaluations(pool, evaluations, yieldIfDue);
    const stored = await store(explained, clock.now);
    const outcomes: EvaluationOutcome[] = [];
    for (let first = 0; first < stored.length; first += EFFECTS_AT_ONCE) {
      const some = stored.slice(first, first + EFFECTS_AT_ONCE);
      outcomes.push(...(await Promise.all(some.map((evaluation) => finish(evaluation, clock.now)))));
      await yieldIfDue();
    }
    const seconds = (performance.now() - beganAt) / 1_000 / batch.length;
    for (const _ of batch) metrics.evaluationSeconds.observe(seconds);
    return outcomes;
  };

  return {
    evaluate: async (featureIds) => {
      const at = now();
      const [found, watermark] = await Promise.all([targets.read(featureIds), watermarkAt(at)]);
      const clock = { now: at, watermark, lagSeconds: lagSeconds() ?? Infinity };
      const yieldIfDue = makeYieldAfter(YIELD_AFTER_MS);
      const batches = batchTargets(found, at).values();
      const outcomes: EvaluationOutcome[] = [];
      const work = async (): Promise<void> => {
        for (const batch of batches) outcomes.push(...(await evaluateBatch(batch, clock, yieldIfDue)));
      };
      await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, work));
      await looks.note(
        found.map(({ featureId }) => featureId),
        at,
      );
      return outcomes;
    },
  };
};
