// One check of every enabled feature with a rule: bring its evidence up to date, decide, store what changed, report, and
// have a proven failure rolled back. Reads nothing but aggregates, so it costs the same at any number of users.
import { setImmediate } from "node:timers/promises";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { decide } from "../decide/decide.ts";
import type { Decision } from "../decide/decision.ts";
import { explainDecision, type ExplainedDecision } from "../decide/explain.ts";
import { makeArrived } from "./arrived.ts";
import { readBotRequests } from "./bot-requests.ts";
import { makeDueReader, type DueFeature } from "./due.ts";
import { makeAct, type Effect, type RollbackFeature, type SetRollout } from "./act.ts";
import { foldSettled, partsOfWork, type FoldedTrial } from "./fold-settled.ts";
import { reportDecision } from "./report.ts";
import { storeCheck } from "./store.ts";

export type Outcome = {
  readonly featureId: FeatureId;
  readonly decision: Decision;
  readonly effect: Effect;
};

export type Evaluator = {
  /** Checks all features, or those named. A feature that another process is just checking is left out. */
  readonly evaluateDue: (featureIds?: readonly FeatureId[]) => Promise<Outcome[]>;
};

/** Checks under way at once: fewer than the pool has connections. */
const AT_ONCE = 6;
/** After this long, in ms, whatever else the process does gets its turn, before it is the next checks'. */
const TURN_MS = 5;

const ANEW = "A new trial: evidence starts from nothing, with a fresh α.";

const matureOf = ({ evidence }: Decision): number =>
  evidence.tests.reduce((sum, { treatment }) => sum + treatment.n, 0);

/** Another state, another rule, or a tenth more data: enough for a history without a row for every tick. */
const isWorthKeeping = (due: DueFeature, decision: Decision): boolean => {
  const { last } = due;
  return (
    last === null ||
    last.state !== decision.state ||
    last.ruleVersion !== decision.ruleVersion ||
    matureOf(decision) > last.mature * 1.1
  );
};

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
  const act = makeAct(needs);
  const dueReader = makeDueReader(pool);
  const arrivedBy = makeArrived(pool);

  const explain = async (
    { featureId, epoch, rule }: DueFeature,
    { restarted }: FoldedTrial,
    decision: Decision,
  ): Promise<ExplainedDecision> => {
    const botRequests = await readBotRequests(pool, featureId, epoch);
    const { reason, ...rest } = explainDecision(decision, rule, botRequests);
    return { ...rest, reason: restarted ? `${reason} ${ANEW}` : reason };
  };

  /** Whether this process was the first with this check. */
  const store = async (
    due: DueFeature,
    trial: FoldedTrial,
    { decision, explained, at }: { decision: Decision; explained: ExplainedDecision | null; at: number },
  ): Promise<boolean> => {
    const { featureId, epoch, rule } = due;
    const { state, ruleVersion } = decision;
    const mature = matureOf(decision);
    const evaluation = explained === null ? null : { decision: explained, mode: rule.mode, at, mature };
    const stamp = await storeCheck(pool, { ...trial, featureId, epoch }, evaluation);
    if (stamp !== null)
      dueReader.stored(due, {
        trial: { ...trial, stamp },
        last: explained === null ? due.last : { state, ruleVersion, mature },
      });
    return stamp !== null;
  };

  const check = async (due: DueFeature, trial: FoldedTrial, at: number): Promise<Outcome | null> => {
    const decision = decide({
      evidence: trial.evidence,
      rule: due.rule,
      history: {
        epoch: due.epoch,
        ruleVersion: due.ruleVersion,
        decided: trial.decided,
        cause: trial.cause,
      },
      telemetry: {
        lagSeconds: lagSeconds(),
        activationIsMeasured:
          due.activationConfigured ||
          trial.evidence.activation.some(({ mature }) => mature.treatment.s + mature.holdout.s > 0),
      },
      now: at,
    });
    const decided = decision.action === "WAIT" ? trial.decided : decision.action;
    const isNew = decided !== trial.decided;
    const worthKeeping = trial.restarted || isNew || isWorthKeeping(due, decision);
    const explained = worthKeeping ? await explain(due, trial, decision) : null;
    if (trial.changed || worthKeeping) {
      const isFirst = await store(
        due,
        { ...trial, decided, cause: decision.cause },
        { decision, explained, at },
      );
      if (!isFirst) return null;
    }
    reportDecision(metrics, due.featureId, decision);
    const effect = await act({ due, decision: explained ?? decision, isNew, at });
    return { featureId: due.featureId, decision, effect };
  };

  return {
    evaluateDue: async (featureIds) => {
      const at = now();
      const [due, arrival] = await Promise.all([dueReader.read(featureIds), arrivedBy(at)]);
      const lag = lagSeconds();
      const clock = { now: at, arrival, lagSeconds: lag ?? Infinity };
      const outcomes: Outcome[] = [];
      const checkOne = async (feature: DueFeature, trial: FoldedTrial | undefined): Promise<void> => {
        if (trial === undefined) return;
        const stop = metrics.evaluationSeconds.startTimer();
        const outcome = await check(feature, trial, at);
        stop();
        if (outcome !== null) outcomes.push(outcome);
      };
      let turnBeganAt = performance.now();
      for (const part of partsOfWork(due, at)) {
        const trials = await foldSettled(pool, part, clock);
        for (let first = 0; first < part.length; first += AT_ONCE) {
          const some = part.slice(first, first + AT_ONCE);
          await Promise.all(some.map((feature, offset) => checkOne(feature, trials[first + offset])));
          if (performance.now() - turnBeganAt > TURN_MS) {
            await setImmediate();
            turnBeganAt = performance.now();
          }
        }
      }
      return outcomes;
    },
  };
};
