// Shows a decision on /metrics. A signal that is not known is not shown: null is not 0.
import type { Decision } from "../decide/decision.ts";
import type { Metrics } from "../runtime/metrics.ts";

/** Whether the cohorts do not have the sizes of the rollout. */
export const isMismatched = ({ evidence: { sampleRatio } }: Pick<Decision, "evidence">): boolean =>
  sampleRatio !== null && sampleRatio.logEvidence >= sampleRatio.logBar;

export const reportDecision = (metrics: Metrics, feature: string, decision: Decision): void => {
  const { activation, retention, p95_latency, error_rate, exposed } = decision.details;
  metrics.decisions.inc({ feature, action: decision.action });
  if (isMismatched(decision)) metrics.sampleRatioMismatch.set({ feature }, 1);
  else metrics.sampleRatioMismatch.remove({ feature });
  if (decision.heldBack === undefined) metrics.heldBack.remove({ feature });
  else metrics.heldBack.set({ feature }, 1);
  if (decision.score === null) metrics.pmfScore.remove({ feature });
  else metrics.pmfScore.set({ feature }, decision.score);
  for (const [signal, value] of Object.entries({ activation, retention, p95_latency, error_rate })) {
    if (value === null) metrics.signal.remove({ feature, signal });
    else metrics.signal.set({ feature, signal }, value);
  }
  metrics.cohortSize.set({ feature, cohort: "treatment" }, exposed.treatment);
  metrics.cohortSize.set({ feature, cohort: "holdout" }, exposed.holdout);
};
