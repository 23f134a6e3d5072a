// KEEP, ROLLBACK or WAIT: a pure function of evidence, rule, history and now. Order of checks: guards, evidence for a
// rollback, evidence for keeping, deadline. A rollback is latched: nothing but a new trial (a person) leaves it.
//
// Traffic a KEEP needs: at least minCohortSize mature treatment units for every rate asked about, and a rate well above
// its threshold. At twice a threshold of 15 % about 60 mature units prove it, at 1.5 times 210, at 1.3 times 560, at 1.1
// times 5,600; 2 % of slow requests where 5 % are allowed are proven by about 330 requests. Retention is the last to
// mature: exposure bucket + retentionWindowSeconds + settling time after the exposure (see settledUpTo).
import type { Rule } from "../../shared/features/rule.ts";
import type { Action, Decision, SignalName, State, TestReport } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import { odds, reasonOf } from "./reason.ts";
import { keepTests, rollbackTests, sampleRatioTest } from "./signals.ts";

export type History = {
  readonly epoch: number;
  readonly ruleVersion: number;
  /** What this trial has decided already. */
  readonly decided: "KEEP" | "ROLLBACK" | null;
  readonly cause: readonly SignalName[];
};

/** What is known about the telemetry itself. */
export type Telemetry = {
  /** Age of the oldest acknowledged telemetry that is not aggregated yet, in seconds; null when nobody knows. */
  readonly lagSeconds: number | null;
  /** Whether anything reports activations for this feature; without, no activation is not the same as none. */
  readonly activationIsMeasured: boolean;
};

/** Telemetry further behind than this stops every decision. */
export const LAG_BOUND_S = 60;

/** What only delays a decision is said from here on. */
const LAG_WORTH_SAYING_S = 10;

const actionOf = (state: State): Action => {
  switch (state) {
    case "ROLLBACK":
      return "ROLLBACK";
    case "KEEP":
    case "WATCH":
      return "KEEP";
    case "COLLECTING":
    case "TESTING":
    case "UNDECIDED":
    case "INVALID":
      return "WAIT";
  }
};

const rateOf = ({ n, s }: { n: number; s: number }): number | null => (n === 0 ? null : s / n);

const detailsOf = (evidence: Evidence, telemetry: Telemetry): Decision["details"] => {
  const activation = evidence.activation.at(-1)?.mature.treatment;
  const retention = evidence.retention.at(-1)?.mature.treatment;
  return {
    activation: activation === undefined || !telemetry.activationIsMeasured ? null : rateOf(activation),
    retention: retention === undefined ? null : rateOf(retention),
    p95_latency: evidence.traffic.p95Ms.treatment,
    error_rate: rateOf(evidence.traffic.errors.requests.treatment),
    exposed: { treatment: evidence.exposed.treatment, holdout: evidence.exposed.holdout },
  };
};

/** The pattern's score; null while one of its parts is unknown. */
const scoreOf = (details: Decision["details"], latencyP95Threshold: number): number | null => {
  const { activation, retention, p95_latency: p95 } = details;
  if (activation === null || retention === null || p95 === null) return null;
  const penalty = Math.max(0, (p95 - latencyP95Threshold) / latencyP95Threshold);
  return 0.4 * activation + 0.5 * retention - 0.1 * penalty;
};

/** Requests are there at once, outcomes mature: where a rule asks about outcomes, they are what is waited for. */
const hasMatured = (tests: readonly TestReport[]): boolean => {
  const outcomes = tests.filter(({ ageSeconds }) => ageSeconds !== null);
  return (outcomes.length === 0 ? tests : outcomes).some(({ counts }) => counts);
};

/** `now` in unix seconds. */
export const decide = (input: {
  evidence: Evidence;
  rule: Rule;
  history: History;
  telemetry: Telemetry;
  now: number;
}): Decision => {
  const { evidence, rule, history, telemetry, now } = input;
  const isKnown = ({ signal }: { signal: SignalName }) =>
    signal !== "activation" || telemetry.activationIsMeasured;
  const tests = rollbackTests(rule, evidence);
  const keep = keepTests(rule, evidence);
  const sampleRatio = sampleRatioTest(evidence);
  const hasFallen = ({ alarm }: TestReport) =>
    history.decided === "KEEP" && alarm !== null && alarm.logEvidence >= alarm.logBar;
  const fired = tests.filter(
    (test) => test.counts && isKnown(test) && (test.logEvidence >= test.logBar || hasFallen(test)),
  );
  const details = detailsOf(evidence, telemetry);

  const conclude = (state: State, cause: readonly SignalName[], obstacle: string | null): Decision => {
    const action = actionOf(state);
    return {
      action,
      state,
      isValid: action === "KEEP",
      score: scoreOf(details, rule.latencyP95Threshold),
      details,
      evidence: { tests, keep, sampleRatio },
      cause: [...cause],
      reason: reasonOf({ state, tests, keep, cause, obstacle, rule }),
      epoch: history.epoch,
      ruleVersion: history.ruleVersion,
    };
  };

  if (history.decided === "ROLLBACK") return conclude("ROLLBACK", history.cause, null);
  if (telemetry.lagSeconds === null || telemetry.lagSeconds > LAG_BOUND_S) {
    const behind =
      telemetry.lagSeconds === null ? "an unknown time" : `${Math.round(telemetry.lagSeconds)} s`;
    return conclude("INVALID", [], `telemetry is ${behind} behind; nothing is decided on it`);
  }
  if (sampleRatio !== null && sampleRatio.logEvidence >= sampleRatio.logBar) {
    const { treatment, holdout, rolloutBps, holdoutBps, before } = evidence.sampleRatio;
    const sizes =
      sampleRatio.logEvidence === before
        ? "the cohorts did not have the sizes of the rollout before it was changed"
        : `the cohorts have ${treatment} and ${holdout} units where the rollout makes them ${rolloutBps} : ${holdoutBps}`;
    return conclude(
      "INVALID",
      [],
      `${sizes} (evidence ${odds(sampleRatio.logEvidence)}); units are lost on one side`,
    );
  }
  if (fired.length > 0) return conclude("ROLLBACK", [...new Set(fired.map(({ signal }) => signal))], null);
  if (history.decided === "KEEP") return conclude("WATCH", [], null);
  const missing = keep.find((test) => !isKnown(test));
  const obstacle =
    missing !== undefined
      ? `${missing.signal} is not measured: nothing reports it for this feature`
      : telemetry.lagSeconds > LAG_WORTH_SAYING_S
        ? `telemetry is ${Math.round(telemetry.lagSeconds)} s behind`
        : null;
  if (
    keep.length > 0 &&
    keep.every((test) => test.counts && isKnown(test) && test.logEvidence >= test.logBar)
  )
    return conclude("KEEP", [], null);
  if (now - evidence.since >= rule.evaluationWindowSeconds) {
    if (rule.onDeadline === "rollback" && missing === undefined && hasMatured(tests))
      return conclude(
        "ROLLBACK",
        [],
        "the deadline passed without proof that the feature meets its thresholds",
      );
    return conclude("UNDECIDED", [], obstacle);
  }
  return conclude(hasMatured(tests) ? "TESTING" : "COLLECTING", [], obstacle);
};
