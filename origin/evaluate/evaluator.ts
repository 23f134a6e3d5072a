// Evaluates features: looks at their evidence, explains and stores the decisions, and carries them out. It reads nothing but
// aggregates, so it costs the same at any number of users.
import type { Pool } from "../db/pool.ts";
import type { Decision } from "../decide/decision.ts";
import type { ErrorLog, WarningLog } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { batchTargets } from "./batches.ts";
import {
  makeCarryOut,
  type Effect,
  type OnCarriedOut,
  type RollbackFeature,
  type SetRollout,
} from "./effects.ts";
import { onlyMain, type Aggregates, type AggregateView } from "./aggregates.ts";
import { makeCountable } from "./countable.ts";
import { AggregateReadError } from "./read-parts.ts";
import { explainEvaluations, type ExplainedEvaluation } from "./explain-evaluations.ts";
import { makeFailedEvaluations } from "./failed-evaluations.ts";
import { lookAt, type Round } from "./look.ts";
import { makeLooks } from "./looks.ts";
import { isMismatched, makeDecisionReport } from "./report-metrics.ts";
import { storeNews } from "./store-evaluations.ts";
import { makeOrdinaryOf } from "./ordinary-of.ts";
import { makeTargetReader } from "./target-reader.ts";
import type { EvaluationTarget } from "./targets.ts";
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
/** Databases that may fail in one round. */
const MOST_FAILURES = 3;
/** After this long, in ms, the other work of the process gets its turn. */
const YIELD_AFTER_MS = 5;

/** Whether the database answers: then a batch that failed did so because of what is in it. */
const isConnected = async (pool: Pool): Promise<boolean> =>
  pool.query("select 1").then(
    () => true,
    () => false,
  );

/**
 * `lagSeconds` tells how far aggregation is behind acknowledged telemetry (null: unknown, and nothing is decided); `now`
 * is unix seconds.
 */
export const makeEvaluator = (needs: {
  pool: Pool;
  rollbackFeature: RollbackFeature;
  setRollout: SetRollout;
  metrics: Metrics;
  log: ErrorLog & WarningLog;
  now: () => number;
  lagSeconds: () => number | null;
  /** Where the counts are; the main database alone when it is not given. */
  aggregates?: Aggregates;
  /** Hears of each decision that changed its feature. */
  onCarriedOut?: OnCarriedOut | undefined;
}): Evaluator => {
  const { pool, metrics, log, now, lagSeconds, aggregates = onlyMain(needs.pool) } = needs;
  const failed = makeFailedEvaluations(needs);
  const targets = makeTargetReader(pool, ({ featureId, error }) => failed.note(featureId, error));
  const watermarkAt = makeWatermark(pool);
  const looks = makeLooks(pool);
  const ordinaryOf = makeOrdinaryOf();
  const countable = makeCountable(failed.note);
  const report = makeDecisionReport(metrics);
  const carryOut = makeCarryOut(needs);

  /** Said when it begins: the feature may be broken, and nothing closes it for its rates meanwhile. */
  const sayMismatch = ({ target: { featureId, last }, decision }: ExplainedEvaluation): void => {
    if (decision.state === "INVALID" && last?.state !== "INVALID" && isMismatched(decision))
      log.error(
        { featureId, reason: decision.reason },
        "ALERT: units of a feature are lost on one side; find out why, then begin a new trial (POST …/trial) or roll it back",
      );
  };

  const sayHeldBack = ({ target: { featureId, last }, decision }: ExplainedEvaluation): void => {
    if (decision.heldBack !== undefined && last?.heldBack !== decision.heldBack)
      log.warn(
        { featureId, reason: decision.reason },
        "units came in another way than usual, and a decision is held back; look whether they are people (anomalies in …/signals)",
      );
  };

  const evaluateBatch = async (
    batch: readonly EvaluationTarget[],
    round: Round,
    looked: FeatureId[],
  ): Promise<EvaluationOutcome[]> => {
    const at = round.clock.now;
    const beganAt = performance.now();
    const evaluations = await lookAt(batch, round);
    const explained = await explainEvaluations(pool, evaluations, round.yieldIfDue);
    const stored = await storeNews(pool, targets, explained, { at, moves: round.view.moves });
    const finish = async (evaluation: ExplainedEvaluation): Promise<EvaluationOutcome> => {
      const { target, decision, isNew } = evaluation;
      const { featureId } = target;
      report.show({ feature: featureId, rule: target.rule, decision }, at);
      sayMismatch(evaluation);
      sayHeldBack(evaluation);
      const effect = await carryOut({ target, decision: evaluation.explained ?? decision, isNew, at });
      return { featureId, decision, effect };
    };
    const outcomes: EvaluationOutcome[] = [];
    for (let first = 0; first < stored.length; first += EFFECTS_AT_ONCE) {
      outcomes.push(...(await Promise.all(stored.slice(first, first + EFFECTS_AT_ONCE).map(finish))));
      await round.yieldIfDue();
    }
    const seconds = (performance.now() - beganAt) / 1_000 / batch.length;
    for (const { featureId } of batch) {
      metrics.evaluationSeconds.observe(seconds);
      failed.clear(featureId);
      looked.push(featureId);
    }
    return outcomes;
  };

  /** A batch that fails because of what is in it is taken apart, so that one feature stops no other. */
  const evaluateApart = async (
    batch: readonly EvaluationTarget[],
    round: Round,
    looked: FeatureId[],
  ): Promise<EvaluationOutcome[]> => {
    const [first, ...rest] = batch;
    try {
      return await evaluateBatch(batch, round, looked);
    } catch (error) {
      // The others' people are looked at in the next round, without those of this database.
      if (error instanceof AggregateReadError) throw error;
      if (first === undefined || !(await isConnected(pool))) throw error;
      if (rest.length === 0) {
        failed.note(first.featureId, error);
        return [];
      }
      const outcomes: EvaluationOutcome[] = [];
      for (const target of batch) outcomes.push(...(await evaluateApart([target], round, looked)));
      return outcomes;
    }
  };

  let away = "";
  /** Said when it begins and when it ends: decisions are sound meanwhile, and slower. */
  const sayAway = (view: AggregateView): void => {
    metrics.partitionsAway.reset();
    for (const { database } of view.away) metrics.partitionsAway.inc({ database });
    const awayNow = view.away.map(({ partition, database }) => `${partition} in ${database}`).join(", ");
    if (awayNow === away) return;
    away = awayNow;
    const [first] = view.away;
    if (first === undefined)
      log.warn({}, "all partitions are evaluated again, and with them the people who were missed");
    else
      log.error(
        { partitions: awayNow, reason: first.reason },
        "ALERT: the people of some partitions are missed; decisions are made on the others, and take these in when their database answers",
      );
  };

  const evaluateRound: Evaluator["evaluate"] = async (featureIds) => {
    const at = now();
    const view = await aggregates.view();
    sayAway(view);
    const [read, watermark] = await Promise.all([targets.read(featureIds), watermarkAt(at, view.parts)]);
    const found = await countable(view, read);
    const round: Round = {
      // The view's is of exactly the parts that are read: by the other one a database may just have come to be left out.
      clock: { now: at, watermark, lagSeconds: Math.max(view.lagSeconds, lagSeconds() ?? Infinity) },
      view,
      lagSeconds,
      ordinaryOf,
      yieldIfDue: makeYieldAfter(YIELD_AFTER_MS),
    };
    const batches = batchTargets(found, at).values();
    const outcomes: EvaluationOutcome[] = [];
    const looked: FeatureId[] = [];
    const work = async (): Promise<void> => {
      for (const batch of batches) outcomes.push(...(await evaluateApart(batch, round, looked)));
    };
    await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, work));
    await looks.note(looked, at);
    await failed.forgetGone(pool);
    report.forgetOld(at);
    return outcomes;
  };

  return {
    /** A database that fails while it is read is left out at once: the round begins again without its people. */
    evaluate: async (featureIds) => {
      for (let failures = 0; ; failures++)
        try {
          return await evaluateRound(featureIds);
        } catch (error) {
          if (!(error instanceof AggregateReadError) || failures >= MOST_FAILURES) throw error;
          aggregates.noteFailure(error.database, error.cause);
        }
    },
  };
};
