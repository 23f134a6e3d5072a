// The sentence an operator reads: the rate and its counts, the bound, how strong the evidence is and how strong it had to be.
import type { Rule } from "../../shared/features/rule.ts";
import { KEEP_LOG_BAR } from "./alpha-shares.ts";
import type { KeepReport, SignalName, State, TestReport } from "./decision.ts";
import type { Evidence } from "./evidence.ts";
import { describeEvidence, describeRate } from "./describe-test.ts";
import { hasAlarmed, hasFailed } from "./failures.ts";
import {
  capitalise,
  formatCount,
  formatInstant,
  formatList,
  formatOdds,
  formatRate,
  SIGNAL_TITLE,
} from "./format.ts";
import { waitingFor, type Waiting } from "./waiting.ts";

/** How far above its bar the stronger of a test's two kinds of evidence is. */
const lead = ({ logEvidence, logBar, alarm }: TestReport): number =>
  Math.max(logEvidence - logBar, alarm === null ? -Infinity : alarm.logEvidence - alarm.logBar);

/**
 * Among those with enough units, if there are any. Of equally strong ones the last: the ages of a comparison share their
 * evidence, and the oldest shows most of it.
 */
const strongest = (tests: readonly TestReport[]): TestReport | undefined => {
  const counted = tests.filter(({ counts }) => counts);
  return (counted.length > 0 ? counted : tests).toSorted((one, other) => lead(one) - lead(other)).at(-1);
};

const titles = (signals: readonly SignalName[]): string =>
  formatList(signals.map((signal) => SIGNAL_TITLE[signal]));

type Reported = {
  readonly state: State;
  readonly tests: readonly TestReport[];
  readonly keep: readonly KeepReport[];
  readonly cause: readonly SignalName[];
  /** What stands in the way of a decision, or explains one that no signal caused. */
  readonly obstacle: string | null;
  readonly evidence: Evidence;
  readonly rule: Rule;
  /** Unix seconds */
  readonly now: number;
};

/** Of the signal's tests one that speaks against the feature, if any does. */
const culprit = (tests: readonly TestReport[], signal: SignalName): TestReport | undefined => {
  const own = tests.filter((test) => test.signal === signal);
  const alarmed = own.filter(hasAlarmed);
  const failed = alarmed.length > 0 ? alarmed : own.filter(hasFailed);
  return strongest(failed.length > 0 ? failed : own);
};

/** The bound over a whole life; an alarm of a kept feature has none. */
const chanceText = (causes: readonly TestReport[], rule: Rule): string => {
  const proven = causes.filter((test) => !hasAlarmed(test));
  if (proven.length === 0) return "";
  const isCompared = ({ against }: TestReport) => against !== "threshold";
  const subjects = [
    ...(proven.every(({ against }) => against === "holdout") ? [] : ["meets its thresholds"]),
    ...(proven.every(isCompared) ? ["is no worse than its holdout"] : []),
  ];
  return ` Chance of rolling back a feature that ${subjects.join(" or ")}, over its whole life: at most ${formatRate(rule.falseRollbackRate)}.`;
};

const rollbackReason = ({ tests, cause, obstacle, rule }: Reported): string => {
  const causes = cause.flatMap((signal) => culprit(tests, signal) ?? []);
  if (causes.length === 0) return `ROLLBACK: ${obstacle ?? "decided earlier in this trial"}.`;
  const found = causes.map((test) => `${describeRate(test, rule)}. ${describeEvidence(test)}`).join(" ");
  const innocent = [...new Set(tests.map(({ signal }) => signal))].filter(
    (signal) => !cause.includes(signal),
  );
  const others =
    innocent.length === 0
      ? ""
      : ` ${capitalise(titles(innocent))} ${innocent.length === 1 ? "is" : "are"} not the cause.`;
  return `ROLLBACK: ${found}${chanceText(causes, rule)}${others}`;
};

const keepReason = ({ tests, keep, rule }: Reported): string => {
  const proofs = keep.flatMap(({ signal, logEvidence }) =>
    tests
      .filter((test) => test.signal === signal)
      .slice(-1)
      .map((oldest) => `${describeRate(oldest, rule)}, evidence ${formatOdds(logEvidence)}`),
  );
  return `${capitalise(proofs.join("; "))}. Needed for each: ${formatOdds(KEEP_LOG_BAR)}.`;
};

/** "; 1,310 more wait, the first is mature at 2027-01-15 08:12:42 UTC" */
const waitingText = ({ counted, of, immature, firstMatureAt }: Waiting, now: number): string => {
  if (of === "exposed") return "";
  if (immature === 0) return counted === 0 ? "; no unit is exposed yet" : "";
  const wait = `; ${formatCount(immature)} ${immature === 1 ? "waits" : "wait"}`;
  if (firstMatureAt === null) return wait;
  return firstMatureAt > now
    ? `${wait}, the first is mature at ${formatInstant(firstMatureAt)}`
    : `${wait} for telemetry that may still arrive`;
};

const collectingReason = ({ tests, evidence, rule, now }: Reported): string => {
  const waiting = waitingFor(tests, evidence, rule);
  return `COLLECTING: ${formatCount(waiting.counted)} of ${formatCount(rule.minCohortSize)} ${waiting.of} units${waitingText(waiting, now)}.`;
};

const undecidedReason = ({ state, tests, keep, rule }: Reported): string => {
  const nearest = strongest(tests);
  const against =
    nearest === undefined
      ? ""
      : `Nearest to a rollback: ${describeRate(nearest, rule)}. ${describeEvidence(nearest)} `;
  const missing = keep.filter(({ counts, logEvidence, logBar }) => !counts || logEvidence < logBar);
  const unproven =
    missing.length === 0 ? "" : `Not yet proven good: ${titles(missing.map(({ signal }) => signal))}.`;
  return `${state}: ${against}${unproven}`.trimEnd();
};

export const reasonOf = (reported: Reported): string => {
  const { state, obstacle } = reported;
  const also = obstacle === null ? "" : ` ${capitalise(obstacle)}.`;
  switch (state) {
    case "ROLLBACK":
      return rollbackReason(reported);
    case "KEEP":
      return `KEEP: ${keepReason(reported)}`;
    case "WATCH":
      return `WATCH: kept, and watched for a later fall. ${keepReason(reported)}${also}`;
    case "INVALID":
      return `INVALID:${also}`;
    case "COLLECTING":
      return `${collectingReason(reported)}${also}`;
    case "TESTING":
    case "UNDECIDED":
      return `${undecidedReason(reported)}${also}`;
  }
};
