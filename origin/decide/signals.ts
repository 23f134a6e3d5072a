// Which signals a rule tests, what share of α each may spend, and what the evidence says about each.
// Weighted Bonferroni: the shares add up to at most 1, so the chance that any of them fires by mistake is at most α.
import type { Rule } from "../../shared/features/rule.ts";
import { COMPARED_RATIOS } from "./statistics/comparison.ts";
import { MISMATCH_LOG_BAR, stretchLogEvidence } from "./statistics/sample-ratio.ts";
import type { Decision, KeepReport, SignalName, TestReport } from "./decision.ts";
import type { Evidence, OutcomeEvidence, TrafficEvidence } from "./evidence.ts";
import { SLOW_SHARE } from "./accumulate.ts";
import { logMeanExp } from "./statistics/log-sum-exp.ts";
import { betaLogEvidence, betaLogKeepEvidence } from "./statistics/beta-evidence.ts";
import { logAlarm, type Detector } from "./statistics/detector.ts";
import { gridLogEvidence, gridLogKeepEvidence, inside, type Tally } from "./statistics/rate-evidence.ts";

/** Chance of keeping a feature that misses one of its thresholds. */
export const KEEP_ALPHA = 0.05;

type Shares = Readonly<Record<SignalName, number>>;

/** Shares of α; 0: not tested. A signal that nothing is asked of (a rate's threshold of 0) leaves its share to the others. */
export const sharesOf = (rule: Rule): Shares => {
  const guarded = rule.errorRateThreshold !== undefined;
  const activation = rule.activationThreshold > 0 ? 0.4 : 0;
  const retention = rule.retentionThreshold > 0 ? 0.5 : 0;
  const sum = activation + retention + 0.1;
  return {
    activation: activation / sum,
    retention: retention / sum,
    latency: (guarded ? 0.05 : 0.1) / sum,
    errorRate: (guarded ? 0.05 : 0) / sum,
  };
};

const rateOf = ({ n, s }: { n: number; s: number }): number | null => (n === 0 ? null : s / n);

const alarmOf = (detector: Detector, logBar: number): TestReport["alarm"] =>
  detector.length === 0 ? null : { logEvidence: logAlarm(detector), logBar };

/** The prior of a rule is about activation. */
const logEvidenceBelow = (rule: Rule, name: SignalName, tally: Tally, threshold: number): number =>
  rule.prior !== undefined && name === "activation"
    ? betaLogEvidence(tally, inside(threshold), rule.prior)
    : gridLogEvidence(tally, threshold);

const logEvidenceAbove = (rule: Rule, name: SignalName, tally: Tally, threshold: number): number =>
  rule.prior !== undefined && name === "activation"
    ? betaLogKeepEvidence(tally, inside(threshold), rule.prior)
    : gridLogKeepEvidence(tally, threshold);

type OutcomeSignal = {
  name: "activation" | "retention";
  threshold: number;
  ages: readonly OutcomeEvidence[];
};

/** Alarms of the watch: the youngest age gets half of the signal's share, each next one half of what is left. */
const shareOfAge = (index: number, ages: number): number =>
  index === ages - 1 ? 2 ** -index : 2 ** -(index + 1);

/**
 * ln evidence of all steps of age together. Each is a comparison among units that had not succeeded before it, so for each
 * ratio the steps' evidence multiplies to one e-process, which has the whole of the signal's share: nothing is split over
 * the ages, and what a unit has shown so far counts before it has reached the next age.
 */
export const logEvidenceWorse = (ages: readonly Pick<OutcomeEvidence, "worse">[]): number =>
  logMeanExp(COMPARED_RATIOS.map((_ratio, i) => ages.reduce((sum, { worse }) => sum + (worse[i] ?? 0), 0)));

const outcomeTests = (
  rule: Rule,
  evidence: Evidence,
  { name, threshold, ages }: OutcomeSignal,
  share: number,
): TestReport[] => {
  const against = rule.compare[name] ?? "threshold";
  // Younger ages say something only beside people who joined at the same time.
  const tested = against === "holdout" ? ages : ages.slice(-1);
  const logBar = -Math.log(rule.falseRollbackRate * share);
  const worse = against === "holdout" ? logEvidenceWorse(tested) : 0;
  return tested.map(({ ageSeconds, mature, watch }, index) => ({
    signal: name,
    against,
    ageSeconds,
    threshold,
    treatment: mature.treatment,
    holdout: mature.holdout.n > 0 ? mature.holdout : null,
    immature: Math.max(0, evidence.exposed.treatment - mature.treatment.n),
    rate: rateOf(mature.treatment),
    logEvidence: against === "holdout" ? worse : logEvidenceBelow(rule, name, mature.treatment, threshold),
    logBar,
    alarm: alarmOf(watch.detector, logBar - Math.log(shareOfAge(index, tested.length))),
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
  const logBar = -Math.log(rule.falseRollbackRate * share);
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
    logBar,
    alarm: alarmOf(traffic.watch.detector, logBar),
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
    ...outcomesOf(rule, evidence).flatMap((signal) =>
      shares[signal.name] > 0 ? outcomeTests(rule, evidence, signal, shares[signal.name]) : [],
    ),
    ...trafficOf(rule, evidence).flatMap((signal) =>
      shares[signal.name] > 0 ? [trafficTest(rule, evidence, signal, shares[signal.name])] : [],
    ),
  ];
};

/**
 * ln evidence that the cohorts' sizes are not what the rollout makes them, now or before it was changed (units that were lost
 * then are still missing); null without two cohorts to compare.
 */
export const sampleRatioTest = ({ sampleRatio }: Evidence): Decision["evidence"]["sampleRatio"] => {
  const known = [sampleRatio.before, stretchLogEvidence(sampleRatio)].filter((one) => one !== null);
  return known.length === 0 ? null : { logEvidence: Math.max(...known), logBar: MISMATCH_LOG_BAR };
};

/**
 * Evidence that each required signal meets its threshold. A success at a younger age is one at the full window too,
 * so the younger ages give a lower bound that is valid before anybody has seen the whole window. (The other early
 * decision, a rollback with everyone immature counted as a success, is valid too but never comes first: each such
 * success lowers every component of the evidence below what the mature units alone show.)
 */
export const keepTests = (rule: Rule, evidence: Evidence): KeepReport[] => {
  const shares = sharesOf(rule);
  const logBar = -Math.log(KEEP_ALPHA);
  const outcomes = outcomesOf(rule, evidence)
    .filter(({ name }) => shares[name] > 0)
    .map(({ name, threshold, ages }) => {
      const enough = ages.filter(({ mature }) => mature.treatment.n >= rule.minCohortSize);
      return {
        signal: name,
        logEvidence: Math.max(
          -Infinity,
          ...enough.map(({ mature }) => logEvidenceAbove(rule, name, mature.treatment, threshold)),
        ),
        logBar,
        counts: enough.length > 0,
      };
    });
  const traffic = trafficOf(rule, evidence)
    .filter(({ name }) => shares[name] > 0)
    .map(({ name, threshold, traffic: { requests } }) => ({
      signal: name,
      logEvidence: gridLogEvidence(requests.treatment, threshold),
      logBar,
      counts: requests.treatment.n > 0 && evidence.exposed.treatment >= rule.minCohortSize,
    }));
  return [...outcomes, ...traffic];
};
