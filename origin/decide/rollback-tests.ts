// The evidence against a feature, signal by signal: every test that could roll it back, and the alarms of a kept one.
import { rollbackLogBar } from "./alpha-shares.ts";
import type { LogEvidence, TestReport } from "./decision.ts";
import type { Evidence, OutcomeEvidence, SinceKept } from "./evidence.ts";
import { againstOf, type JudgedRule } from "./judged-rule.ts";
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

/** At this evidence the holdout cannot succeed: what it would have to do exists in the feature alone. */
const ONLY_TREATMENT_LOG_BAR = Math.log(1_000);

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
export const logEvidenceBelow = (
  rule: Pick<JudgedRule, "prior">,
  { name, threshold }: Pick<OutcomeSignal, "name" | "threshold">,
  tally: Tally,
): number =>
  rule.prior !== undefined && name === "activation"
    ? betaLogEvidence(tally, clampProbability(threshold), rule.prior)
    : gridLogEvidence(tally, threshold);

const known = (holdout: Tally): Tally | null => (holdout.n > 0 ? holdout : null);

/** `isBoth`: the test asks for evidence beside the holdout as well, and so does its alarm. */
const alarmOf = (
  { detector, besideHoldout, run }: SinceKept,
  logBar: number,
  isBoth: boolean,
): TestReport["alarm"] =>
  detector.length === 0
    ? null
    : {
        logEvidence: logAlarm(detector),
        logBar,
        comparison: isBoth ? { logEvidence: logAlarm(besideHoldout), logBar } : null,
        treatment: run.treatment,
        holdout: known(run.holdout),
      };

/** Of a kept feature's alarms the youngest age gets half of the signal's share, each next one half of the rest. */
const shareOfAge = (index: number, ages: number): number =>
  index === ages - 1 ? 2 ** -index : 2 ** -(index + 1);

/** Whether the holdout cannot succeed, by the whole window; null as soon as a unit of it has, at whatever age. */
export const onlyTreatmentOf = (ages: readonly OutcomeEvidence[]): LogEvidence | null =>
  ages.some(({ mature }) => mature.holdout.s > 0)
    ? null
    : { logEvidence: ages.at(-1)?.onlyTreatment ?? 0, logBar: ONLY_TREATMENT_LOG_BAR };

/** Whether the holdout cannot succeed, by the evidence of `onlyTreatmentOf`. */
export const cannotSucceed = (onlyTreatment: LogEvidence | null): boolean =>
  onlyTreatment !== null && onlyTreatment.logEvidence >= onlyTreatment.logBar;

const outcomeTests = (rule: JudgedRule, evidence: Evidence, signal: OutcomeSignal): TestReport[] => {
  const { name, threshold, ages } = signal;
  const asked = againstOf(rule, name);
  const onlyTreatment = asked === "both" ? onlyTreatmentOf(ages) : null;
  const against = cannotSucceed(onlyTreatment) ? "threshold" : asked;
  // Younger ages say something only beside people who joined at the same time.
  const tested = against === "holdout" ? ages : ages.slice(-1);
  const logBar = rollbackLogBar(rule, name);
  const worse = logEvidenceWorseThanHoldout(ages);
  const isBoth = against === "both";
  return tested.map(({ ageSeconds, mature, leftOut, sinceKept }, index) => ({
    signal: name,
    against,
    ageSeconds,
    threshold,
    treatment: mature.treatment,
    holdout: known(mature.holdout),
    immature: Math.max(0, evidence.exposed.treatment - mature.treatment.n - leftOut),
    leftOut,
    rate: rateOf(mature.treatment),
    logEvidence: against === "holdout" ? worse : logEvidenceBelow(rule, signal, mature.treatment),
    logBar,
    comparison: isBoth ? { logEvidence: worse, logBar } : null,
    onlyTreatment,
    alarm: alarmOf(sinceKept, logBar - Math.log(shareOfAge(index, tested.length)), isBoth),
    counts: mature.treatment.n >= rule.minCohortSize,
  }));
};

/** Of latency the second of its detectors; of the error rate the only one of the lost requests. */
const besideHoldoutOf = ({ traffic, compared }: TrafficSignal): Detector =>
  traffic === compared ? traffic.sinceKept.besideHoldout : compared.sinceKept.detector;

const trafficTest = (rule: JudgedRule, evidence: Evidence, signal: TrafficSignal): TestReport => {
  const { name, against, threshold, traffic, compared } = signal;
  const isCompared = against === "holdout";
  const isBoth = against === "both";
  const { requests, sinceKept } = isCompared ? compared : traffic;
  const logBar = rollbackLogBar(rule, name);
  const worse = logMeanExp(compared.worseThanHoldout);
  return {
    signal: name,
    against,
    ageSeconds: null,
    threshold,
    treatment: requests.treatment,
    holdout: known(requests.holdout),
    immature: null,
    leftOut: null,
    rate: rateOf(requests.treatment),
    logEvidence: isCompared ? worse : logMeanExp(traffic.aboveBound),
    logBar,
    comparison: isBoth ? { logEvidence: worse, logBar } : null,
    onlyTreatment: null,
    alarm: alarmOf({ ...sinceKept, besideHoldout: besideHoldoutOf(signal) }, logBar, isBoth),
    counts: requests.treatment.n > 0 && hasEnoughExposed(rule, evidence),
  };
};

/** In the order of the signals, an outcome's by rising age. */
export const rollbackTests = (rule: JudgedRule, evidence: Evidence): TestReport[] => [
  ...outcomeSignals(rule, evidence).flatMap((signal) => outcomeTests(rule, evidence, signal)),
  ...trafficSignals(rule, evidence).map((signal) => trafficTest(rule, evidence, signal)),
];
