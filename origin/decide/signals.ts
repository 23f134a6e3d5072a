// The signals that a rule tests, each with its threshold and its evidence, in the order in which people read them.
import type { Against, Rule } from "../../shared/features/rule.ts";
import { SLOW_SHARE } from "./accumulate-requests.ts";
import { alphaShares } from "./alpha-shares.ts";
import type { Evidence, OutcomeEvidence, TrafficEvidence } from "./evidence.ts";
import { againstOf, errorTestsOf, type JudgedRule } from "./judged-rule.ts";

/** Success is the good outcome: the rate has to be at least the threshold. */
export type OutcomeSignal = {
  readonly name: "activation" | "retention";
  readonly threshold: number;
  readonly ages: readonly OutcomeEvidence[];
};

/** Success is the bad request: its share may be at most the threshold. */
export type TrafficSignal = {
  readonly name: "latency" | "errorRate";
  readonly against: Against;
  readonly threshold: number;
  /** Against the threshold. */
  readonly traffic: TrafficEvidence;
  /** Beside the holdout; of the error rate unfinished requests too. */
  readonly compared: TrafficEvidence;
};

export const outcomeSignals = (rule: JudgedRule, { activation, retention }: Evidence): OutcomeSignal[] => {
  const shares = alphaShares(rule);
  const signals: OutcomeSignal[] = [
    { name: "activation", threshold: rule.activationThreshold, ages: activation },
    { name: "retention", threshold: rule.retentionThreshold, ages: retention },
  ];
  return signals.filter(({ name }) => shares[name] > 0);
};

/** Latency, and each test of the error rate. */
export const trafficSignals = (
  rule: JudgedRule,
  { traffic: { latency, errors, lost } }: Evidence,
): TrafficSignal[] => [
  {
    name: "latency",
    against: againstOf(rule, "latency"),
    threshold: SLOW_SHARE,
    traffic: latency,
    compared: latency,
  },
  ...errorTestsOf(rule).map((against) => ({
    name: "errorRate" as const,
    against,
    threshold: rule.errorRateThreshold ?? 1,
    traffic: errors,
    compared: lost,
  })),
];

/** Whether there are enough treatment units for requests to count; of outcomes, mature ones are counted instead. */
export const hasEnoughExposed = (rule: Pick<Rule, "minCohortSize">, { exposed }: Evidence): boolean =>
  exposed.treatment >= rule.minCohortSize;
