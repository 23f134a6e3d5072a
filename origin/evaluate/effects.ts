// Carries a decision out: rolls a proven failure back, or moves the feature on its ramp. In shadow mode nothing is moved;
// a would-be rollback is counted and logged once.
import type { ErrorLog, WarningLog } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Pool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Result } from "../../shared/result.ts";
import type { Decision } from "../decide/decision.ts";
import { nextRampStep } from "../decide/ramp.ts";
import { recordRampPosition } from "./ramp-position.ts";
import type { EvaluationTarget } from "./targets.ts";

type ChangeError = { readonly reason: string };
type Changed = { readonly revision: number };

/** Closes the feature in one transaction, unless its version or epoch is not the one decided about. */
export type RollbackFeature = (rollback: {
  featureId: FeatureId;
  expectedVersion: number;
  epoch: number;
  reason: string;
  evidence: Decision;
}) => Promise<Result<Changed, ChangeError>>;

/**
 * Changes the rollout, unless the feature's version is not the one decided about. The evidence that rolled a later stage back
 * must not close the earlier one too: with `endsTrial` the same transaction lets the trial start over.
 */
export type SetRollout = (change: {
  featureId: FeatureId;
  expectedVersion: number;
  rolloutBps: number;
  endsTrial: boolean;
  reason: string;
}) => Promise<Result<Changed, ChangeError>>;

/** "conflict": the feature was changed meanwhile; the next evaluation decides again. */
export type Effect = "none" | "shadow" | "rolledBack" | "advanced" | "throttled" | "conflict" | "failed";

export type CarryOut = (evaluation: {
  target: EvaluationTarget;
  decision: Decision;
  /** Whether this evaluation is the first to decide so. */
  isNew: boolean;
  /** Unix seconds */
  at: number;
}) => Promise<Effect>;

/** A decision that changed the feature, for traces. Times are unix time. */
export type OnCarriedOut = (done: {
  readonly featureId: FeatureId;
  readonly effect: Effect;
  readonly decision: Decision;
  readonly revision: number;
  readonly evaluatedMs: number;
  readonly decidedMs: number;
}) => void;

const DONE = {
  rolledBack: "the feature is rolled back",
  advanced: "the feature is advanced to the next stage of its ramp",
  throttled: "the feature is throttled to the stage before",
} as const;

export const makeCarryOut = (needs: {
  pool: Pool;
  rollbackFeature: RollbackFeature;
  setRollout: SetRollout;
  metrics: Metrics;
  log: ErrorLog & WarningLog;
  onCarriedOut?: OnCarriedOut | undefined;
}): CarryOut => {
  const { pool, rollbackFeature, setRollout, metrics, log, onCarriedOut } = needs;

  const attempt = async (
    { featureId }: EvaluationTarget,
    change: () => Promise<Result<Changed, ChangeError>>,
    {
      effect,
      reason,
      ...made
    }: { effect: keyof typeof DONE; reason: string; decision: Decision; at: number },
  ): Promise<Effect> => {
    const decidedMs = Date.now();
    try {
      const result = await change();
      if (result.ok) {
        log.warn({ featureId, effect, reason }, DONE[effect]);
        const { revision } = result.value;
        const { decision, at } = made;
        onCarriedOut?.({ featureId, effect, decision, revision, evaluatedMs: at * 1_000, decidedMs });
        return effect;
      }
      log.warn(
        { featureId, error: result.error },
        "the feature was changed meanwhile; the next evaluation decides again",
      );
      return "conflict";
    } catch (error) {
      log.error(
        { featureId, err: error },
        "a decision could not be carried out; the next evaluation tries again",
      );
      return "failed";
    }
  };

  const rollBack = (target: EvaluationTarget, decision: Decision, at: number): Promise<Effect> =>
    attempt(
      target,
      () =>
        rollbackFeature({
          featureId: target.featureId,
          expectedVersion: target.version,
          epoch: target.epoch,
          reason: decision.reason,
          evidence: decision,
        }),
      { effect: "rolledBack", reason: decision.reason, decision, at },
    );

  const recordInShadow = (
    { featureId }: EvaluationTarget,
    { action, reason }: Decision,
    isNew: boolean,
  ): Effect => {
    if (action !== "ROLLBACK") return "none";
    if (isNew) {
      metrics.rollbacks.inc({ feature: featureId, outcome: "shadow" });
      log.warn(
        { featureId, reason },
        "the feature would be rolled back; its rule is in shadow mode, so it stays open",
      );
    }
    return "shadow";
  };

  return async ({ target, decision, isNew, at }) => {
    const { featureId, rule, rolloutBps, version: expectedVersion } = target;
    if (rule.mode === "shadow") return recordInShadow(target, decision, isNew);
    if (rule.ramp === undefined)
      return decision.action === "ROLLBACK" ? rollBack(target, decision, at) : "none";

    const position =
      target.ramp?.rolloutBps === rolloutBps
        ? target.ramp
        : await recordRampPosition(pool, { featureId, rolloutBps, at });
    const step = nextRampStep(rule, position, decision, at);
    switch (step.kind) {
      case "hold":
        return "none";
      case "close":
        return rollBack(target, decision, at);
      case "advance":
      case "throttle": {
        const { kind, ...change } = step;
        return attempt(
          target,
          () => setRollout({ featureId, expectedVersion, endsTrial: kind === "throttle", ...change }),
          { effect: kind === "advance" ? "advanced" : "throttled", reason: step.reason, decision, at },
        );
      }
    }
  };
};
