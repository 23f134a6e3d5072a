// One check of every enabled feature with a rule: bring its evidence up to date, decide, store what changed, report, and
// have a proven failure rolled back. Reads nothing but aggregates, so it costs the same at any number of users.
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Result } from "../../shared/result.ts";
import { decide } from "../decide/decide.ts";
import type { Decision } from "../decide/decision.ts";
import { explainDecision } from "../decide/explain.ts";
import { readDue, type DueFeature } from "./due.ts";
import { foldSettled, type FoldedTrial } from "./fold-settled.ts";
import { reportDecision } from "./report.ts";
import { storeCheck } from "./store.ts";

/** Closes the feature in one transaction, unless its version or epoch is not the one decided about. */
export type RollbackFeature = (rollback: {
  featureId: FeatureId;
  expectedVersion: number;
  epoch: number;
  reason: string;
  evidence: Decision;
}) => Promise<Result<unknown, { readonly reason: string }>>;

/** "conflict": somebody changed the feature meanwhile; the next check decides again. */
export type RollbackOutcome = "committed" | "shadow" | "conflict" | "failed";

export type Outcome = {
  readonly featureId: FeatureId;
  readonly decision: Decision;
  /** null when there was nothing to roll back. */
  readonly rollback: RollbackOutcome | null;
};

export type Evaluator = {
  /** Checks all features, or those named. A feature that another process is just checking is left out. */
  readonly evaluateDue: (featureIds?: readonly FeatureId[]) => Promise<Outcome[]>;
};

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
  metrics: Metrics;
  log: Logger;
  now: () => number;
  lagSeconds: () => number | null;
}): Evaluator => {
  const { pool, rollbackFeature, metrics, log, now, lagSeconds } = needs;

  const rollBack = async (due: DueFeature, decision: Decision, isNew: boolean): Promise<RollbackOutcome> => {
    const { featureId, version, epoch, rule } = due;
    if (rule.mode === "shadow") {
      if (isNew) {
        metrics.rollbacks.inc({ feature: featureId, outcome: "shadow" });
        log.warn(
          { featureId, reason: decision.reason },
          "would be rolled back, but its rule is in shadow mode",
        );
      }
      return "shadow";
    }
    const done = await rollbackFeature({
      featureId,
      expectedVersion: version,
      epoch,
      reason: decision.reason,
      evidence: decision,
    }).catch((cause: unknown) => ({ ok: false, error: { reason: "failed", cause } }) as const);
    if (done.ok) {
      log.warn({ featureId, reason: decision.reason }, "rolled back");
      return "committed";
    }
    const outcome = done.error.reason === "failed" ? "failed" : "conflict";
    log.error({ featureId, error: done.error }, "the rollback was not committed; the next check tries again");
    return outcome;
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
    const worthKeeping = isWorthKeeping(due, decision);
    if (trial.changed || isNew || worthKeeping) {
      const { changed: _changed, restarted, ...rest } = trial;
      const stored = await storeCheck(
        pool,
        { ...rest, featureId: due.featureId, epoch: due.epoch, decided, cause: decision.cause },
        worthKeeping
          ? {
              decision: explainDecision(decision, due.rule),
              mode: due.rule.mode,
              at,
              mature: matureOf(decision),
            }
          : null,
      );
      if (!stored) return null;
      if (restarted)
        log.info(
          { featureId: due.featureId, ruleVersion: due.ruleVersion },
          "other terms: evidence starts anew",
        );
    }
    reportDecision(metrics, due.featureId, decision);
    const rollback = decision.action === "ROLLBACK" ? await rollBack(due, decision, isNew) : null;
    return { featureId: due.featureId, decision, rollback };
  };

  return {
    evaluateDue: async (featureIds) => {
      const at = now();
      const due = await readDue(pool, featureIds);
      const lag = lagSeconds();
      const trials = await foldSettled(pool, due, { now: at, lagSeconds: lag ?? Infinity });
      const outcomes: Outcome[] = [];
      for (const [index, feature] of due.entries()) {
        const trial = trials[index];
        if (trial === undefined) continue;
        const stop = metrics.evaluationSeconds.startTimer();
        const outcome = await check(feature, trial, at);
        stop();
        if (outcome !== null) outcomes.push(outcome);
      }
      return outcomes;
    },
  };
};
