// The rates that a person reads beside a decision, and the pattern's score. They are reported, not decided on.
import type { Decision } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import { rateOf } from "./statistics/tally.ts";

/** Each outcome at its whole window, requests since the trial began; null where nothing is known yet. */
export const detailsOf = (evidence: Evidence, activationIsMeasured: boolean): Decision["details"] => {
  const activation = evidence.activation.at(-1)?.mature.treatment;
  const retention = evidence.retention.at(-1)?.mature.treatment;
  const { exposed, traffic } = evidence;
  return {
    activation: activation === undefined || !activationIsMeasured ? null : rateOf(activation),
    retention: retention === undefined ? null : rateOf(retention),
    p95_latency: traffic.p95Ms.treatment,
    error_rate: rateOf(traffic.errors.requests.treatment),
    exposed: { treatment: exposed.treatment, holdout: exposed.holdout },
  };
};

/** 0.4 activation + 0.5 retention − 0.1 latency above its threshold; null while one of its parts is unknown. */
export const scoreOf = (details: Decision["details"], latencyP95Threshold: number): number | null => {
  const { activation, retention, p95_latency: p95 } = details;
  if (activation === null || retention === null || p95 === null) return null;
  const penalty = Math.max(0, (p95 - latencyP95Threshold) / latencyP95Threshold);
  return 0.4 * activation + 0.5 * retention - 0.1 * penalty;
};
