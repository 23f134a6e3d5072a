// Features that cannot be evaluated: each is said once for each reason, and shown on /metrics until it can be evaluated again.
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { errorText } from "../runtime/error-text.ts";

export type FailedEvaluations = {
  readonly note: (featureId: string, error: unknown) => void;
  /** The feature was evaluated. */
  readonly clear: (featureId: string) => void;
};

export const makeFailedEvaluations = (needs: {
  metrics: Pick<Metrics, "failedEvaluations">;
  log: Pick<Logger, "error" | "warn">;
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
  };
};
