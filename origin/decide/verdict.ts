// The state that the tests lead to. Order: guards, evidence for a rollback, evidence for keeping, deadline. A rollback is latched:
// nothing but a new trial (a person) leaves it.
import type { Rule } from "../../shared/features/rule.ts";
import type { Decision, KeepReport, SignalName, State, TestReport } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import { lagObstacle, sampleRatioObstacle } from "./guards.ts";

export type History = {
  readonly epoch: number;
  readonly ruleVersion: number;
  /** What this trial has decided already. */
  readonly decided: "KEEP" | "ROLLBACK" | null;
  readonly cause: readonly SignalName[];
};

/** The state of the telemetry itself. */
export type Telemetry = {
  /** Age of the oldest acknowledged telemetry that is not aggregated yet, in seconds; null when it is unknown. */
  readonly lagSeconds: number | null;
  /** Whether anything reports activations for this feature; without, no activation is not the same as none. */
  readonly activationIsMeasured: boolean;
};

/** A lag that only delays a decision is mentioned from here on. */
const NOTABLE_LAG_S = 10;

export type DecisionInput = {
  readonly evidence: Evidence;
  readonly rule: Rule;
  readonly history: History;
  readonly telemetry: Telemetry;
  /** Unix seconds */
  readonly now: number;
};

export type Tests = {
  readonly tests: readonly TestReport[];
  readonly keep: readonly KeepReport[];
  readonly sampleRatio: Decision["evidence"]["sampleRatio"];
};

export type Verdict = {
  readonly state: State;
  readonly cause: readonly SignalName[];
  /** What stands in the way of a decision, or explains one that no signal caused. */
  readonly obstacle: string | null;
};

const notableLag = (lagSeconds: number | null): string | null =>
  lagSeconds !== null && lagSeconds > NOTABLE_LAG_S
    ? `telemetry is ${Math.round(lagSeconds)} s behind`
    : null;

const verdict = (
  state: State,
  { cause = [], obstacle = null }: Partial<Omit<Verdict, "state">> = {},
): Verdict => ({ state, cause, obstacle });

/** Requests are there at once, outcomes mature: where a rule asks about outcomes, they are waited for. */
const hasMatured = (tests: readonly TestReport[]): boolean => {
  const outcomes = tests.filter(({ ageSeconds }) => ageSeconds !== null);
  return (outcomes.length === 0 ? tests : outcomes).some(({ counts }) => counts);
};

export const verdictOn = (
  { evidence, rule, history, telemetry, now }: DecisionInput,
  { tests, keep, sampleRatio }: Tests,
): Verdict => {
  if (history.decided === "ROLLBACK") return verdict("ROLLBACK", { cause: history.cause });

  const guard = lagObstacle(telemetry.lagSeconds) ?? sampleRatioObstacle(evidence, sampleRatio);
  if (guard !== null) return verdict("INVALID", { obstacle: guard });

  const isMeasured = ({ signal }: { signal: SignalName }) =>
    signal !== "activation" || telemetry.activationIsMeasured;
  const isAlarmed = ({ alarm }: TestReport) =>
    history.decided === "KEEP" && alarm !== null && alarm.logEvidence >= alarm.logBar;
  const failed = tests.filter(
    (test) => test.counts && isMeasured(test) && (test.logEvidence >= test.logBar || isAlarmed(test)),
  );
  if (failed.length > 0)
    return verdict("ROLLBACK", { cause: [...new Set(failed.map(({ signal }) => signal))] });

  if (history.decided === "KEEP") return verdict("WATCH");
  const isProven = (test: KeepReport) => test.counts && isMeasured(test) && test.logEvidence >= test.logBar;
  if (keep.length > 0 && keep.every(isProven)) return verdict("KEEP");

  const unmeasured = keep.find((test) => !isMeasured(test));
  const obstacle =
    unmeasured !== undefined
      ? `${unmeasured.signal} is not measured: nothing reports it for this feature`
      : notableLag(telemetry.lagSeconds);
  if (now - evidence.since < rule.evaluationWindowSeconds)
    return verdict(hasMatured(tests) ? "TESTING" : "COLLECTING", { obstacle });
  return rule.onDeadline === "rollback" && unmeasured === undefined && hasMatured(tests)
    ? verdict("ROLLBACK", {
        obstacle: "the deadline passed without proof that the feature meets its thresholds",
      })
    : verdict("UNDECIDED", { obstacle });
};
