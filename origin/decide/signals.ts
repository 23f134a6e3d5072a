// The signals that a rule tests, each with its threshold and its evidence, in the order in which people read them.
import type { Rule } from "../../shared/features/rule.ts";
import { SLOW_SHARE } from "./accumulate-requests.ts";
import { alphaShares } from "./alpha-shares.ts";
import type { Evidence, OutcomeEvidence, TrafficEvidence } from "./evidence.ts";

/** Success is the good outcome: the rate has to be at least the threshold. */
export type OutcomeSignal = {
  readonly name: "activation" | "retention";
  readonly threshold: number;
  readonly ages: readonly OutcomeEvidence[];
};

/** Success is the bad request: its share may be at most the threshold. */
export type TrafficSignal = {
  readonly name: "latency" | "errorRate";
  readonly threshold: number;
  readonly traffic: TrafficEvidence;
};

export const outcomeSignals = (rule: Rule, { activation, retention }: Evidence): OutcomeSignal[] => {
  const shares = alphaShares(rule);
  const signals: OutcomeSignal[] = [
    { name: "activation", threshold: rule.activationThreshold, ages: activation },
    { name: "retention", threshold: rule.retentionThreshold, ages: retention },
  ];
  return signals.filter(({ name }) => shares[name] > 0);
};

export const trafficSignals = (rule: Rule, { traffic: { latency, errors } }: Evidence): TrafficSignal[] => {
  const shares = alphaShares(rule);
  const signals: TrafficSignal[] = [
    { name: "latency", threshold: SLOW_SHARE, traffic: latency },
    { name: "errorRate", threshold: rule.errorRateThreshold ?? 1, traffic: errors },
  ];
  return signals.filter(({ name }) => shares[name] > 0);
};

/** Whether there are enough treatment units for requests to count; of outcomes, mature ones are counted instead. */
export const hasEnoughExposed = (rule: Rule, { exposed }: Evidence): boolean =>
  exposed.treatment >= rule.minCohortSize;
