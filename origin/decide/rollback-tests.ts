// The evidence against a feature, signal by signal: every test that could roll it back, and the alarms of a kept one.
import type { Rule } from "../../shared/features/rule.ts";
import { rollbackLogBar } from "./alpha-shares.ts";
import type { TestReport } from "./decision.ts";
import type { Evidence, OutcomeEvidence } from "./evidence.ts";
import {
  hasEnoughExposed,
  outcomeSignals,
  trafficSignals,
  type OutcomeSignal,
  type TrafficSignal,
} from "./signals.ts";
import { betaLogEvidence } from "./statistics/beta-evidence.ts";
import { COMPARED_RATIOS } from "./statistics/comparison.ts";
import { logAlarm, type Detector } from "./statistics/detector.ts";
import { logMeanExp } from "./statistics/log-sum-exp.ts";
import { clampProbability, gridLogEvidence } from "./statistics/rate-evidence.ts";
import { rateOf, type Tally } from "./statistics/tally.ts";

/**
 * ln evidence of all steps of age together. Each is a comparison among units that had not succeeded before it, so for each
 * ratio the steps' evidence multiplies to one e-process, which has the whole of the signal's share: nothing is split over
 * the ages, and a unit counts at each age that it has reached, before it reaches the next.
 */
export const logEvidenceWorseThanHoldout = (
  ages: readonly Pick<OutcomeEvidence, "worseThanHoldout">[],
): number =>
  logMeanExp(
    COMPARED_RATIOS.map((_ratio, i) =>
      ages.reduce((sum, { worseThanHoldout }) => sum + (worseThanHoldout[i] ?? 0), 0),
    ),
  );

/** The prior of a rule is about activation. */
const logEvidenceBelow = (rule: Rule, { name, threshold }: OutcomeSignal, tally: Tally): number =>
  rule.prior !== undefined && name === "activation"
    ? betaLogEvidence(tally, clampProbability(threshold), rule.prior)
    : gridLogEvidence(tally, threshold);

const alarmOf = (detector: Detector, logBar: number): TestReport["alarm"] =>
  detector.length === 0 ? null : { logEvidence: logAlarm(detector), logBar };

/** Of a kept feature's alarms the youngest age gets half of the signal's share, each next one half of the rest. */
const shareOfAge = (index: number, ages: number): number =>
  index === ages - 1 ? 2 ** -index : 2 ** -(index + 1);

const outcomeTests = (rule: Rule, evidence: Evidence, signal: OutcomeSignal): TestReport[] => {
  const { name, threshold, ages } = signal;
  const against = rule.compare[name] ?? "threshold";
  // Younger ages say something only beside people who joined at the same time.
  const tested = against === "holdout" ? ages : ages.slice(-1);
  const logBar = rollbackLogBar(rule, name);
  const worse = against === "holdout" ? logEvidenceWorseThanHoldout(tested) : 0;
  return tested.map(({ ageSeconds, mature, sinceKept }, index) => ({
    signal: name,
    against,
    ageSeconds,
    threshold,
    treatment: mature.treatment,
    holdout: mature.holdout.n > 0 ? mature.holdout : null,
    immature: Math.max(0, evidence.exposed.treatment - mature.treatment.n),
    rate: rateOf(mature.treatment),
    logEvidence: against === "holdout" ? worse : logEvidenceBelow(rule, signal, mature.treatment),
    logBar,
    alarm: alarmOf(sinceKept.detector, logBar - Math.log(shareOfAge(index, tested.length))),
    counts: mature.treatment.n >= rule.minCohortSize,
  }));
};

const trafficTest = (rule: Rule, evidence: Evidence, signal: TrafficSignal): TestReport => {
  const { name, threshold, traffic } = signal;
  const against = rule.compare[name] ?? "threshold";
  const { treatment, holdout } = traffic.requests;
  const logBar = rollbackLogBar(rule, name);
  return {
    signal: name,
    against,
    ageSeconds: null,
    threshold,
    treatment,
    holdout: holdout.n > 0 ? holdout : null,
    immature: null,
    rate: rateOf(treatment),
    logEvidence: logMeanExp(against === "holdout" ? traffic.worseThanHoldout : traffic.aboveBound),
    logBar,
    alarm: alarmOf(traffic.sinceKept.detector, logBar),
    counts: treatment.n > 0 && hasEnoughExposed(rule, evidence),
  };
};

/** In the order of the signals, an outcome's by rising age. */
export const rollbackTests = (rule: Rule, evidence: Evidence): TestReport[] => [
  ...outcomeSignals(rule, evidence).flatMap((signal) => outcomeTests(rule, evidence, signal)),
  ...trafficSignals(rule, evidence).map((signal) => trafficTest(rule, evidence, signal)),
];
