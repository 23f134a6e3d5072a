// Which signals a rule tests, what share of α each may spend, and what the evidence says about each.
// Weighted Bonferroni: the shares add up to at most 1, so the chance that any of them fires by mistake is at most α.
import type { Rule } from "../../shared/rule.ts";
import type { KeepReport, SignalName, TestReport } from "./decision.ts";
import type { Evidence, OutcomeEvidence, TrafficEvidence } from "./evidence.ts";
import { SLOW_SHARE } from "./fold.ts";
import { logMeanExp } from "./log-sum-exp.ts";
import { gridLogEvidence, gridLogKeepEvidence } from "./rate-evidence.ts";

/** Chance of keeping a feature that misses one of its thresholds. */
export const KEEP_ALPHA = 0.05;

/** Shares of α. A signal that nothing is asked of (a rate's threshold of 0) leaves its share to the others. */
const sharesOf = (rule: Rule): Partial<Record<SignalName, number>> => {
  const latency = rule.errorRateThreshold === undefined ? 0.1 : 0.05;
  const shares: Partial<Record<SignalName, number>> = { latency };
  if (rule.activationThreshold > 0) shares.activation = 0.4;
  if (rule.retentionThreshold > 0) shares.retention = 0.5;
  if (rule.errorRateThreshold !== undefined) shares.errorRate = 0.1 - latency;
  const sum = Object.values(shares).reduce((total, share) => total + share, 0);
  return Object.fromEntries(Object.entries(shares).map(([signal, share]) => [signal, share / sum]));
};

const rateOf = ({ n, s }: { n: number; s: number }): number | null => (n === 0 ? null : s / n);

type OutcomeSignal = {
  name: "activation" | "retention";
  threshold: number;
  ages: readonly OutcomeEvidence[];
};

const outcomeTests = (
  rule: Rule,
  evidence: Evidence,
  { name, threshold, ages }: OutcomeSignal,
  share: number,
): TestReport[] => {
  const against = rule.compare[name] ?? "threshold";
  // Younger ages say something only beside people who joined at the same time.
  const tested = against === "holdout" ? ages : ages.slice(-1);
  const logBar = -Math.log((rule.falseRollbackRate * share) / tested.length);
  return tested.map(({ ageSeconds, mature, worse }) => ({
    signal: name,
    against,
    ageSeconds,
    threshold,
    treatment: mature.treatment,
    holdout: mature.holdout.n > 0 ? mature.holdout : null,
    immature: Math.max(0, evidence.exposed.treatment - mature.treatment.n),
    rate: rateOf(mature.treatment),
    logEvidence: against === "holdout" ? logMeanExp(worse) : gridLogEvidence(mature.treatment, threshold),
    logBar,
    counts: mature.treatment.n >= rule.minCohortSize,
  }));
};

type TrafficSignal = { name: "latency" | "errorRate"; threshold: number; traffic: TrafficEvidence };

const trafficTest = (
  rule: Rule,
  evidence: Evidence,
  { name, threshold, traffic }: TrafficSignal,
  share: number,
): TestReport => {
  const against = rule.compare[name] ?? "threshold";
  const { treatment, holdout } = traffic.requests;
  return {
    signal: name,
    against,
    ageSeconds: null,
    threshold,
    treatment,
    holdout: holdout.n > 0 ? holdout : null,
    immature: null,
    rate: rateOf(treatment),
    logEvidence: logMeanExp(against === "holdout" ? traffic.worse : traffic.above),
    logBar: -Math.log(rule.falseRollbackRate * share),
    counts: treatment.n > 0 && evidence.exposed.treatment >= rule.minCohortSize,
  };
};

const outcomesOf = (rule: Rule, evidence: Evidence): OutcomeSignal[] => [
  { name: "activation", threshold: rule.activationThreshold, ages: evidence.activation },
  { name: "retention", threshold: rule.retentionThreshold, ages: evidence.retention },
];

const trafficOf = (rule: Rule, evidence: Evidence): TrafficSignal[] => [
  { name: "latency", threshold: SLOW_SHARE, traffic: evidence.traffic.latency },
  { name: "errorRate", threshold: rule.errorRateThreshold ?? 1, traffic: evidence.traffic.errors },
];

/** Every test that could roll the feature back, in the order of the signals. */
export const rollbackTests = (rule: Rule, evidence: Evidence): TestReport[] => {
  const shares = sharesOf(rule);
  return [
    ...outcomesOf(rule, evidence).flatMap((signal) => {
      const share = shares[signal.name];
      return share === undefined ? [] : outcomeTests(rule, evidence, signal, share);
    }),
    ...trafficOf(rule, evidence).flatMap((signal) => {
      const share = shares[signal.name];
      return share === undefined ? [] : [trafficTest(rule, evidence, signal, share)];
    }),
  ];
};

/**
 * Evidence that each required signal meets its threshold. A success at a younger age is one at the full window too,
 * so the younger ages give a lower bound that is valid before anybody has seen the whole window.
 */
export const keepTests = (rule: Rule, evidence: Evidence): KeepReport[] => {
  const shares = sharesOf(rule);
  const logBar = -Math.log(KEEP_ALPHA);
  const outcomes = outcomesOf(rule, evidence)
    .filter(({ name }) => shares[name] !== undefined)
    .map(({ name, threshold, ages }) => {
      const enough = ages.filter(({ mature }) => mature.treatment.n >= rule.minCohortSize);
      return {
        signal: name,
        logEvidence: Math.max(
          -Infinity,
          ...enough.map(({ mature }) => gridLogKeepEvidence(mature.treatment, threshold)),
        ),
        logBar,
        counts: enough.length > 0,
      };
    });
  const traffic = trafficOf(rule, evidence)
    .filter(({ name }) => shares[name] !== undefined)
    .map(({ name, threshold, traffic: { requests } }) => ({
      signal: name,
      logEvidence: gridLogEvidence(requests.treatment, threshold),
      logBar,
      counts: requests.treatment.n > 0 && evidence.exposed.treatment >= rule.minCohortSize,
    }));
  return [...outcomes, ...traffic];
};
