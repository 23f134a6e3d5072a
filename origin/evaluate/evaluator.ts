// One check of every enabled feature with a rule: bring its evidence up to date, decide, store what changed, report, and
// have a proven failure rolled back. Reads nothing but aggregates, so it costs the same at any number of users.
import { setImmediate } from "node:timers/promises";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { decide } from "../decide/decide.ts";
import type { Decision } from "../decide/decision.ts";
import { explainDecision, type ExplainedDecision } from "../decide/explain-decision.ts";
import { makeWatermark } from "./watermark.ts";
import { readBotRequests } from "./read-bot-requests.ts";
import { makeTargetReader, type EvaluationTarget } from "./targets.ts";
import { makeCarryOut, type Effect, type RollbackFeature, type SetRollout } from "./effects.ts";
import { updateTrials, partsOfWork, type UpdatedTrial } from "./update-trials.ts";
import { reportDecision } from "./report-metrics.ts";
import { storeEvaluations } from "./store-evaluations.ts";

export type EvaluationOutcome = {
  readonly featureId: FeatureId;
  readonly decision: Decision;
  readonly effect: Effect;
};

export type Evaluator = {
  /** Checks all features, or those named. A feature that another process is just checking is left out. */
  readonly evaluate: (featureIds?: readonly FeatureId[]) => Promise<EvaluationOutcome[]>;
};

/** While the database stores one part, the next is read and folded. */
const PARTS_AT_ONCE = 2;
/** Features of a part that are acted on at once: fewer than the pool has connections. */
const ACTS_AT_ONCE = 3;
/** After this long, in ms, whatever else the process does gets its turn, before it is the next checks'. */
const TURN_MS = 5;

/** What one look at a feature found. */
type Evaluation = {
  readonly due: EvaluationTarget;
  /** With what is decided now. */
  readonly trial: UpdatedTrial;
  readonly decision: Decision;
  /** Whether this check is the first to decide so. */
  readonly isNew: boolean;
  readonly isWorthKeeping: boolean;
};

const ANEW = "A new trial: evidence starts from nothing, with a fresh α.";

const matureOf = ({ evidence }: Decision): number =>
  evidence.tests.reduce((sum, { treatment }) => sum + treatment.n, 0);

/** Another state, another rule, or a tenth more data: enough for a history without a row for every tick. */
const isWorthStoring = (due: EvaluationTarget, decision: Decision): boolean => {
  const { last } = due;
  return (
    last === null ||
    last.state !== decision.state ||
    last.ruleVersion !== decision.ruleVersion ||
    matureOf(decision) > last.mature * 1.1
  );
};

/** Lets other work pass when enough has been done without a pause. */
const makeTurns = () => {
  let beganAt = performance.now();
  return async (): Promise<void> => {
    if (performance.now() - beganAt <= TURN_MS) return;
    await setImmediate();
    beganAt = performance.now();
  };
};
type Turns = ReturnType<typeof makeTurns>;

/**
 * `lagSeconds` tells how far aggregation is behind what was acknowledged (null: unknown, and nothing is decided); `now`
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
  const act = makeCarryOut(needs);
  const dueReader = makeTargetReader(pool);
  const arrivedBy = makeWatermark(pool);

  const checkOf = (due: EvaluationTarget, folded: UpdatedTrial, at: number): Evaluation => {
    const decision = decide({
      evidence: folded.evidence,
      rule: due.rule,
      history: {
        epoch: due.epoch,
        ruleVersion: due.ruleVersion,
        decided: folded.decided,
        cause: folded.cause,
      },
      telemetry: {
        lagSeconds: lagSeconds(),
        activationIsMeasured:
          due.activationConfigured ||
          folded.evidence.activation.some(({ mature }) => mature.treatment.s + mature.holdout.s > 0),
      },
      now: at,
    });
    const decided = decision.action === "WAIT" ? folded.decided : decision.action;
    const isNew = decided !== folded.decided;
    return {
      due,
      trial: { ...folded, decided, cause: decision.cause },
      decision,
      isNew,
      isWorthKeeping: folded.restarted || isNew || isWorthStoring(due, decision),
    };
  };

  /** In words and numbers, those that are worth it. */
  const explain = async (
    checks: readonly Evaluation[],
    turns: Turns,
  ): Promise<ReadonlyMap<Evaluation, ExplainedDecision>> => {
    const kept = checks.filter((check) => check.isWorthKeeping);
    const botRequests = await readBotRequests(
      pool,
      kept.map(({ due }) => due),
    );
    const explained = new Map<Evaluation, ExplainedDecision>();
    for (const check of kept) {
      const { due, trial, decision } = check;
      const { reason, ...rest } = explainDecision(decision, due.rule, botRequests.get(due.featureId) ?? 0);
      explained.set(check, { ...rest, reason: trial.restarted ? `${reason} ${ANEW}` : reason });
      await turns();
    }
    return explained;
  };

  /** Those that count: with what there was to store of them stored, unless another process was first. */
  const store = async (
    checks: readonly Evaluation[],
    explained: ReadonlyMap<Evaluation, ExplainedDecision>,
    at: number,
  ): Promise<Evaluation[]> => {
    const hasNews = ({ trial, isWorthKeeping: isKept }: Evaluation) => trial.changed || isKept;
    const stamps = await storeEvaluations(
      pool,
      checks.filter(hasNews).map((check) => {
        const { due, trial } = check;
        const { featureId, epoch, rule } = due;
        const decision = explained.get(check);
        const mature = matureOf(check.decision);
        const evaluation = decision === undefined ? null : { decision, mode: rule.mode, at, mature };
        return { featureId, epoch, trial, evaluation };
      }),
    );
    return checks.filter((check) => {
      if (!hasNews(check)) return true;
      const { due, trial, decision } = check;
      const stamp = stamps.get(due.featureId);
      if (stamp === undefined) return false;
      const { state, ruleVersion } = decision;
      dueReader.stored(due, {
        trial: { ...trial, stamp },
        last: check.isWorthKeeping ? { state, ruleVersion, mature: matureOf(decision) } : due.last,
      });
      return true;
    });
  };

  /** Those that another process has just checked are left out. */
  const checkTogether = async (
    features: readonly EvaluationTarget[],
    clock: Parameters<typeof updateTrials>[2],
    turns: Turns,
  ): Promise<EvaluationOutcome[]> => {
    const at = clock.now;
    const beganAt = performance.now();
    const trials = await updateTrials(pool, features, clock);
    const checks: Evaluation[] = [];
    for (const [index, due] of features.entries()) {
      const trial = trials[index];
      if (trial !== undefined) checks.push(checkOf(due, trial, at));
      await turns();
    }
    const explained = await explain(checks, turns);
    const counting = await store(checks, explained, at);
    const outcomes: EvaluationOutcome[] = [];
    for (let first = 0; first < counting.length; first += ACTS_AT_ONCE) {
      const acts = counting
        .slice(first, first + ACTS_AT_ONCE)
        .map(async (check): Promise<EvaluationOutcome> => {
          const { due, decision, isNew } = check;
          reportDecision(metrics, due.featureId, decision);
          const effect = await act({ due, decision: explained.get(check) ?? decision, isNew, at });
          return { featureId: due.featureId, decision, effect };
        });
      outcomes.push(...(await Promise.all(acts)));
      await turns();
    }
    const seconds = (performance.now() - beganAt) / 1_000 / features.length;
    for (const _ of features) metrics.evaluationSeconds.observe(seconds);
    return outcomes;
  };

  return {
    evaluate: async (featureIds) => {
      const at = now();
      const [due, arrival] = await Promise.all([dueReader.read(featureIds), arrivedBy(at)]);
      const clock = { now: at, arrival, lagSeconds: lagSeconds() ?? Infinity };
      const turns = makeTurns();
      const parts = partsOfWork(due, at).values();
      const outcomes: EvaluationOutcome[] = [];
      const work = async (): Promise<void> => {
        for (const part of parts) outcomes.push(...(await checkTogether(part, clock, turns)));
      };
      await Promise.all(Array.from({ length: PARTS_AT_ONCE }, work));
      return outcomes;
    },
  };
};
