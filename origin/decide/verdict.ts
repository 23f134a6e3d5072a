// The state that the tests lead to. Order: guards, evidence for a rollback, evidence for keeping, deadline. A rollback is latched:
// nothing but a new trial (a person) leaves it.
import { blindnessOf } from "./blind-signals.ts";
import type { Decision, KeepReport, SignalName, State, TestReport } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import { hasFailed } from "./failures.ts";
import { SIGNAL_TITLE } from "./format.ts";
import { lagObstacle, sampleRatioObstacle } from "./guards.ts";
import { heldBackText, standsAlone, type Ordinary, type OrdinaryTests } from "./held-back.ts";
import type { JudgedRule } from "./judged-rule.ts";
import { watch } from "./watch.ts";

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
  readonly rule: JudgedRule;
  readonly history: History;
  readonly telemetry: Telemetry;
  /** Given where units came in hours that were not as usual. */
  readonly ordinary?: Ordinary | undefined;
  /** Unix seconds */
  readonly now: number;
};

export type Tests = {
  readonly tests: readonly TestReport[];
  readonly keep: readonly KeepReport[];
  readonly sampleRatio: Decision["evidence"]["sampleRatio"];
  readonly ordinary?: OrdinaryTests | undefined;
};

export type Verdict = {
  readonly state: State;
  readonly cause: readonly SignalName[];
  /** What stands in the way of a decision, or explains one that no signal caused. */
  readonly obstacle: string | null;
  /** Given while a decision is held back, since it does not stand without the units of unusual hours. */
  readonly heldBack?: "KEEP" | "ROLLBACK";
};

const notableLag = (lagSeconds: number | null): string | null =>
  lagSeconds !== null && lagSeconds > NOTABLE_LAG_S
    ? `telemetry is ${Math.round(lagSeconds)} s behind`
    : null;

const verdict = (
  state: State,
  { cause = [], obstacle = null, ...more }: Partial<Omit<Verdict, "state">> = {},
): Verdict => ({ state, cause, obstacle, ...more });

/** Requests are there at once, outcomes mature: where a rule asks about outcomes, they are waited for. */
const hasMatured = (tests: readonly TestReport[]): boolean => {
  const outcomes = tests.filter(({ ageSeconds }) => ageSeconds !== null);
  return (outcomes.length === 0 ? tests : outcomes).some(({ counts }) => counts);
};

/** Nobody succeeds, in neither cohort, and enough units are mature for the floor: a comparison has nothing to go by. */
const nobodySucceeds = (tests: readonly TestReport[]): string | null => {
  const silent = tests.find(
    ({ against, counts, treatment, holdout, logEvidence, logBar }) =>
      against === "both" && counts && logEvidence >= logBar && treatment.s === 0 && holdout?.s === 0,
  );
  return silent === undefined
    ? null
    : `nobody has any ${SIGNAL_TITLE[silent.signal]}, with the feature or in the holdout: either nothing reports it, or something is wrong for everybody. Where only the feature offers it, set compare.${silent.signal} to "threshold"`;
};

export const verdictOn = (
  { evidence, rule, history, telemetry, now }: DecisionInput,
  { tests, keep, sampleRatio, ordinary }: Tests,
): Verdict => {
  if (history.decided === "ROLLBACK") return verdict("ROLLBACK", { cause: history.cause });

  const behind = lagObstacle(telemetry.lagSeconds);
  if (behind !== null) return verdict("INVALID", { obstacle: behind });

  const isMeasured = ({ signal }: { signal: SignalName }) =>
    signal !== "activation" || telemetry.activationIsMeasured;
  const isKept = history.decided === "KEEP";
  const measured = tests.filter(isMeasured);
  // Losing people on one side is what a broken feature does: it says nothing against slow and failing requests.
  const mismatch = sampleRatioObstacle(evidence, sampleRatio);
  const trusted = mismatch === null ? measured : measured.filter(({ ageSeconds }) => ageSeconds === null);
  const { alarmed, warning } = watch(trusted, rule, evidence);
  const missed = trusted.filter(hasFailed);
  const failed = isKept ? alarmed : missed.filter((test) => standsAlone(test, ordinary));
  if (failed.length > 0)
    return verdict("ROLLBACK", { cause: [...new Set(failed.map(({ signal }) => signal))] });

  if (mismatch !== null) return verdict("INVALID", { obstacle: mismatch });
  if (isKept) return verdict("WATCH", { obstacle: blindnessOf(rule) ?? warning });
  const isProven = (test: KeepReport) => test.counts && isMeasured(test) && test.logEvidence >= test.logBar;
  const isKeep = keep.length > 0 && keep.every(isProven);
  if (isKeep && (ordinary?.keep.every(isProven) ?? true)) return verdict("KEEP");

  if (ordinary !== undefined && (isKeep || missed.length > 0)) {
    const heldBack = isKeep ? "KEEP" : "ROLLBACK";
    const isOver = now - evidence.since >= rule.evaluationWindowSeconds;
    return verdict(isOver ? "UNDECIDED" : "TESTING", {
      heldBack,
      obstacle: heldBackText(heldBack, ordinary),
    });
  }

  const unmeasured = keep.find((test) => !isMeasured(test));
  const obstacle =
    unmeasured !== undefined
      ? `${unmeasured.signal} is not measured: nothing reports it for this feature`
      : (blindnessOf(rule) ?? nobodySucceeds(measured) ?? notableLag(telemetry.lagSeconds));
  if (now - evidence.since < rule.evaluationWindowSeconds)
    return verdict(hasMatured(tests) ? "TESTING" : "COLLECTING", { obstacle });
  return rule.onDeadline === "rollback" && unmeasured === undefined && hasMatured(tests)
    ? verdict("ROLLBACK", {
        obstacle: "the deadline passed without proof that the feature meets its thresholds",
      })
    : verdict("UNDECIDED", { obstacle });
};
