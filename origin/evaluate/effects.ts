// Carries a decision out: rolls a proven failure back, or moves the feature on its ramp. In shadow mode nothing is moved;
// a would-be rollback is counted and said once.
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Result } from "../../shared/result.ts";
import type { Decision } from "../decide/decision.ts";
import { nextRampStep } from "../decide/ramp.ts";
import type { EvaluationTarget } from "./targets.ts";
import { recordRampPosition } from "./ramp-position.ts";

type ChangeError = { readonly reason: string };

/** Closes the feature in one transaction, unless its version or epoch is not the one decided about. */
export type RollbackFeature = (rollback: {
  featureId: FeatureId;
  expectedVersion: number;
  epoch: number;
  reason: string;
  evidence: Decision;
}) => Promise<Result<unknown, ChangeError>>;

/**
 * Changes the rollout, unless the feature's version is not the one decided about. What rolled a later stage back must not
 * close the earlier one too: with `endsTrial` the same transaction lets the trial start over.
 */
export type SetRollout = (change: {
  featureId: FeatureId;
  expectedVersion: number;
  rolloutBps: number;
  endsTrial: boolean;
  reason: string;
}) => Promise<Result<unknown, ChangeError>>;

/** What came of it. "conflict": somebody changed the feature meanwhile; the next check decides again. */
export type Effect = "none" | "shadow" | "rolledBack" | "advanced" | "throttled" | "conflict" | "failed";

export type CarryOut = (check: {
  due: EvaluationTarget;
  decision: Decision;
  /** Whether this check is the first to decide so. */
  isNew: boolean;
  /** Unix seconds */
  at: number;
}) => Promise<Effect>;

export const makeCarryOut = (needs: {
  pool: Pool;
  rollbackFeature: RollbackFeature;
  setRollout: SetRollout;
  metrics: Metrics;
  log: Logger;
}): CarryOut => {
  const { pool, rollbackFeature, setRollout, metrics, log } = needs;

  const attempt = async (
    { featureId }: EvaluationTarget,
    change: () => Promise<Result<unknown, ChangeError>>,
    done: { effect: Effect; reason: string },
  ): Promise<Effect> => {
    try {
      const result = await change();
      if (result.ok) {
        log.warn({ featureId, reason: done.reason }, done.effect);
        return done.effect;
      }
      log.warn(
        { featureId, error: result.error },
        "the feature changed meanwhile; the next check decides again",
      );
      return "conflict";
    } catch (error) {
      log.error({ featureId, err: error }, "a decision could not be carried out; the next check tries again");
      return "failed";
    }
  };

  const rollBack = (due: EvaluationTarget, decision: Decision): Promise<Effect> =>
    attempt(
      due,
      () =>
        rollbackFeature({
          featureId: due.featureId,
          expectedVersion: due.version,
          epoch: due.epoch,
          reason: decision.reason,
          evidence: decision,
        }),
      { effect: "rolledBack", reason: decision.reason },
    );

  return async ({ due, decision, isNew, at }) => {
    const { featureId, rule, rolloutBps, version: expectedVersion } = due;
    if (rule.mode === "shadow") {
      if (decision.action !== "ROLLBACK") return "none";
      if (isNew) {
        metrics.rollbacks.inc({ feature: featureId, outcome: "shadow" });
        log.warn(
          { featureId, reason: decision.reason },
          "would be rolled back, but its rule is in shadow mode",
        );
      }
      return "shadow";
    }
    if (rule.ramp === undefined) return decision.action === "ROLLBACK" ? rollBack(due, decision) : "none";
    const position =
      due.ramp?.rolloutBps === rolloutBps
        ? due.ramp
        : await recordRampPosition(pool, { featureId, rolloutBps, at });
    const step = nextRampStep(rule, position, decision, at);
    switch (step.kind) {
      case "hold":
        return "none";
      case "close":
        return rollBack(due, decision);
      case "advance":
      case "throttle": {
        const { kind, ...change } = step;
        return attempt(
          due,
          () => setRollout({ featureId, expectedVersion, endsTrial: kind === "throttle", ...change }),
          { effect: kind === "advance" ? "advanced" : "throttled", reason: step.reason },
        );
      }
    }
  };
};
