// The evidence that a feature meets its thresholds, signal by signal.
import { KEEP_LOG_BAR } from "./alpha-shares.ts";
import type { KeepReport } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import type { JudgedRule } from "./judged-rule.ts";
import {
  hasEnoughExposed,
  outcomeSignals,
  trafficSignals,
  type OutcomeSignal,
  type TrafficSignal,
} from "./signals.ts";
import { betaLogKeepEvidence } from "./statistics/beta-evidence.ts";
import { clampProbability, gridLogEvidence, gridLogKeepEvidence } from "./statistics/rate-evidence.ts";
import type { Tally } from "./statistics/tally.ts";

/** The prior of a rule is about activation. */
export const logEvidenceAbove = (
  rule: Pick<JudgedRule, "prior">,
  { name, threshold }: Pick<OutcomeSignal, "name" | "threshold">,
  tally: Tally,
): number =>
  rule.prior !== undefined && name === "activation"
    ? betaLogKeepEvidence(tally, clampProbability(threshold), rule.prior)
    : gridLogKeepEvidence(tally, threshold);

/**
 * A success at a younger age is one at the full window too, so the younger ages give a lower bound that is valid before any
 * unit has had its whole window. (The other early decision, a rollback with all immature units counted as successes, is valid
 * too but never comes first: each such success lowers every component of the evidence below its value for the mature units.)
 */
const outcomeTest = (rule: JudgedRule, signal: OutcomeSignal): KeepReport => {
  const enough = signal.ages.filter(({ mature }) => mature.treatment.n >= rule.minCohortSize);
  return {
    signal: signal.name,
    logEvidence: Math.max(
      -Infinity,
      ...enough.map(({ mature }) => logEvidenceAbove(rule, signal, mature.treatment)),
    ),
    logBar: KEEP_LOG_BAR,
    counts: enough.length > 0,
  };
};

const trafficTest = (
  rule: JudgedRule,
  evidence: Evidence,
  { name, threshold, traffic }: TrafficSignal,
): KeepReport => {
  const { treatment } = traffic.requests;
  return {
    signal: name,
    logEvidence: gridLogEvidence(treatment, threshold),
    logBar: KEEP_LOG_BAR,
    counts: treatment.n > 0 && hasEnoughExposed(rule, evidence),
  };
};

/** One for each signal that the rule bounds; KEEP needs all of them, which needs no correction. */
export const keepTests = (rule: JudgedRule, evidence: Evidence): KeepReport[] => {
  const bounded = trafficSignals(rule, evidence).filter(
    ({ name }, index, all) =>
      all.findIndex((one) => one.name === name) === index &&
      (name === "latency" || rule.errorRateThreshold !== undefined),
  );
  return [
    ...outcomeSignals(rule, evidence).map((signal) => outcomeTest(rule, signal)),
    ...bounded.map((signal) => trafficTest(rule, evidence, signal)),
  ];
};
