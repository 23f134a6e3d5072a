// Counts every attempt at a rollback by its outcome, and the committed ones by what they were for, around the same changes.
import type { Metrics } from "../runtime/metrics.ts";
import type { FeatureChanges } from "./change-feature.ts";
import type { RollbackTarget } from "./prepare-rollback.ts";

type Counters = Pick<Metrics, "rollbacks" | "rollbackReasons" | "rollbackAttempts">;
type Outcome = "committed" | "conflict" | "failed";

/** Of the signals in a decision's words, those that metrics have. */
const LABELS: Readonly<Record<string, string>> = { latency: "p95_latency", errorRate: "error_rate" };

/** The signals that a decision names as its cause; a decision without one was due at its deadline. */
const reasonsOf = (evidence: RollbackTarget["evidence"]): readonly string[] => {
  const cause = evidence?.["cause"];
  if (!Array.isArray(cause)) return ["request"];
  return cause.length === 0 ? ["deadline"] : cause.map((signal) => LABELS[signal] ?? String(signal));
};

export const countRollbacks = (changes: FeatureChanges, metrics: Counters): FeatureChanges => {
  const { rollbacks, rollbackReasons, rollbackAttempts } = metrics;
  // An alert compares with the time before the first failure.
  for (const outcome of ["committed", "conflict", "failed"]) rollbackAttempts.inc({ outcome }, 0);

  const count = (feature: string, outcome: Outcome, reasons: readonly string[]): void => {
    rollbacks.inc({ feature, outcome });
    rollbackAttempts.inc({ outcome });
    if (outcome === "committed") for (const reason of reasons) rollbackReasons.inc({ feature, reason });
  };

  const counted = async <R extends { readonly ok: boolean }>(
    feature: string,
    attempt: () => Promise<R>,
    reasons: readonly string[] = ["request"],
  ): Promise<R> => {
    try {
      const result = await attempt();
      count(feature, result.ok ? "committed" : "conflict", reasons);
      return result;
    } catch (error) {
      count(feature, "failed", reasons);
      throw error;
    }
  };
  return {
    ...changes,
    changeFeature: (change, by, terms) => {
      const attempt = () => changes.changeFeature(change, by, terms);
      return change.kind === "rollback" ? counted(change.featureId, attempt) : attempt();
    },
    rollbackFeature: (target, by) =>
      counted(target.featureId, () => changes.rollbackFeature(target, by), reasonsOf(target.evidence)),
    rollbackTag: async (tag, by, cause) => {
      const result = await changes.rollbackTag(tag, by, cause);
      if (result.ok)
        for (const { featureId } of result.value?.features ?? []) count(featureId, "committed", ["request"]);
      return result;
    },
  };
};
