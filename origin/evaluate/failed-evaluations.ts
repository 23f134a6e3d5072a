// Features that cannot be evaluated: each is said once for each reason, and shown on /metrics until it can be evaluated again.
import type { ErrorLog, WarningLog } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { errorText } from "../runtime/error-text.ts";
import type { Queryable } from "../db/pool.ts";
import { readTargetIds } from "./targets.ts";

export type FailedEvaluations = {
  readonly note: (featureId: string, error: unknown) => void;
  /** The feature was evaluated. */
  readonly clear: (featureId: string) => void;
  /** Forgets those that are no evaluation targets any more: deleted, closed, or without a rule. */
  readonly forgetGone: (db: Queryable) => Promise<void>;
};

export const makeFailedEvaluations = (needs: {
  metrics: Pick<Metrics, "failedEvaluations">;
  log: ErrorLog & WarningLog;
}): FailedEvaluations => {
  const { metrics, log } = needs;
  const reasons = new Map<string, string>();
  return {
    note: (featureId, error) => {
      const reason = errorText(error);
      metrics.failedEvaluations.set({ feature: featureId }, 1);
      if (reasons.get(featureId) === reason) return;
      reasons.set(featureId, reason);
      log.error(
        { featureId, err: error },
        "a feature cannot be evaluated and stays as it is; set its rule anew or roll it back by hand",
      );
    },
    clear: (featureId) => {
      if (!reasons.delete(featureId)) return;
      metrics.failedEvaluations.remove({ feature: featureId });
      log.warn({ featureId }, "a feature can be evaluated again");
    },
    forgetGone: async (db) => {
      if (reasons.size === 0) return;
      const still: ReadonlySet<string> = new Set(await readTargetIds(db, [...reasons.keys()]));
      for (const featureId of reasons.keys()) {
        if (still.has(featureId)) continue;
        reasons.delete(featureId);
        metrics.failedEvaluations.remove({ feature: featureId });
      }
    },
  };
};
