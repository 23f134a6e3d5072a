// What a feature's verdict waits for, at the rates and the traffic of now: how far each signal is, which decision is in sight and
// when, and what would have to happen for the other one. Pure; the admin API answers from it.
import type { Decision, KeepReport, LogEvidence, SignalName, State, TestReport } from "../decision.ts";
import type { Explanation } from "../explain-decision.ts";
import { formatCount, formatDuration, formatList, formatOdds, SIGNAL_TITLE } from "../format.ts";

const DAY = 86_400;

export type ExpectedDecision = {
  readonly signal: SignalName;
  /** Further mature units, or requests of latency and errors, at the rate seen so far. */
  readonly more: number;
  readonly of: "units" | "requests";
  /** Until they have come and are mature, at the last day's traffic; null: that cannot be said. */
  readonly seconds: number | null;
};

export type Path = { readonly sentence: string; readonly expected: ExpectedDecision | null };

export type Outlook = {
  readonly rollback: Path;
  readonly keep: Path;
  /** What is not there yet, each in a sentence. */
  readonly missing: readonly string[];
};

/** As they are stored. `explained` has one entry for each test, in their order. */
export type StoredDecision = Pick<Decision, "state"> & {
  readonly evidence: { readonly tests: readonly TestReport[]; readonly keep: readonly KeepReport[] };
  readonly explained: readonly Explanation[];
};

const isRate = (signal: SignalName): boolean => signal === "activation" || signal === "retention";

/** How long until so many further units are mature: those that were exposed already have begun to age. */
const secondsUntil = (more: number, test: TestReport, unitsPerDay: number): number | null => {
  const age = test.ageSeconds ?? 0;
  const toCome = Math.max(0, more - (test.immature ?? 0));
  if (toCome === 0) return age;
  return unitsPerDay > 0 ? Math.ceil((toCome / unitsPerDay) * DAY + age) : null;
};

const expectedAt = (test: TestReport, more: number, unitsPerDay: number): ExpectedDecision => ({
  signal: test.signal,
  more,
  of: isRate(test.signal) ? "units" : "requests",
  seconds: isRate(test.signal) ? secondsUntil(more, test, unitsPerDay) : null,
});

const soonest = (expected: readonly ExpectedDecision[]): ExpectedDecision | null =>
  expected.toSorted((a, b) => (a.seconds ?? Infinity) - (b.seconds ?? Infinity) || a.more - b.more)[0] ??
  null;

const latest = (expected: readonly ExpectedDecision[]): ExpectedDecision | null =>
  expected.toSorted((a, b) => (b.seconds ?? Infinity) - (a.seconds ?? Infinity) || b.more - a.more)[0] ??
  null;

const evidenceText = ({ logEvidence, logBar }: LogEvidence): string =>
  `${formatOdds(logEvidence)} of ${formatOdds(logBar)}`;

/** The part of the way to the bar that is done, from 0 to 1; 0 where the bar cannot be reached. */
export const partOfWay = ({ logEvidence, logBar }: LogEvidence): number =>
  logBar > 0 && Number.isFinite(logBar) ? Math.min(1, Math.max(0, logEvidence / logBar)) : 0;

/** The part of the way to the bar that is done: the one that is behind, where there are two. */
export const progressOf = (test: LogEvidence & Pick<TestReport, "comparison">): number => {
  const parts = test.comparison === null ? [test] : [test, test.comparison];
  return Math.min(...parts.map(partOfWay));
};

const timeText = (expected: ExpectedDecision | null): string => {
  if (expected === null) return "";
  const { more, of, seconds } = expected;
  const when = seconds === null ? "" : `, in about ${formatDuration(seconds)} at the last day's traffic`;
  return ` At the rates of now that takes about ${formatCount(more)} more ${of}${when}.`;
};

const rollbackPath = (decision: StoredDecision, unitsPerDay: number): Path => {
  const { tests } = decision.evidence;
  const expected = soonest(
    tests.flatMap((test, i) => {
      const more = decision.explained[i]?.unitsToRollback ?? null;
      return more === null ? [] : [expectedAt(test, more, unitsPerDay)];
    }),
  );
  const nearest = tests.toSorted((a, b) => progressOf(b) - progressOf(a))[0];
  const where =
    nearest === undefined
      ? ""
      : ` The nearest is ${SIGNAL_TITLE[nearest.signal]}, at ${evidenceText(nearest)}${nearest.comparison === null ? "" : ` and beside the holdout ${evidenceText(nearest.comparison)}`}.`;
  return {
    sentence: `It is rolled back when the evidence of one signal reaches its bar.${where}${timeText(expected)}`,
    expected,
  };
};

/** What a signal needs until it is proven: no signal is before there are `minCohortSize` units. */
const untilProven = (
  report: KeepReport,
  { test, explained }: { test: TestReport; explained: Explanation | undefined },
  minCohortSize: number,
): { text: string; more: number | null } => {
  const title = SIGNAL_TITLE[report.signal];
  if (!report.counts && test.treatment.n < minCohortSize)
    return {
      text: `${title} (${formatCount(test.treatment.n)} of ${formatCount(minCohortSize)})`,
      more: minCohortSize - test.treatment.n,
    };
  return { text: `${title} (${evidenceText(report)})`, more: explained?.unitsToKeep ?? null };
};

const keepPath = (
  decision: StoredDecision,
  { unitsPerDay, minCohortSize }: { unitsPerDay: number; minCohortSize: number },
): Path => {
  const { tests, keep } = decision.evidence;
  const missing = keep.filter(({ logEvidence, logBar }) => logEvidence < logBar);
  if (missing.length === 0)
    return { sentence: "It is kept once there are enough units: each signal is proven.", expected: null };
  const each = missing.map((report) => {
    const at = tests.findLastIndex((test) => test.signal === report.signal);
    const test = tests[at];
    if (test === undefined) return { text: SIGNAL_TITLE[report.signal], expected: null };
    const { text, more } = untilProven(report, { test, explained: decision.explained[at] }, minCohortSize);
    return { text, expected: more === null ? null : expectedAt(test, more, unitsPerDay) };
  });
  const known = each.flatMap(({ expected }) => expected ?? []);
  const expected = known.length === each.length ? latest(known) : null;
  const names = formatList(each.map(({ text }) => text));
  return {
    sentence: `It is kept when each signal is proven to meet its threshold. Missing: ${names}.${timeText(expected)}`,
    expected,
  };
};

const missingUnits = (decision: StoredDecision, minCohortSize: number): string[] => {
  const oldest = new Map(decision.evidence.tests.map((test) => [test.signal, test]));
  return [...oldest.values()].flatMap(({ signal, counts, treatment, immature }) => {
    if (counts || !isRate(signal)) return [];
    const waiting =
      immature === null || immature === 0 ? "" : `, and ${formatCount(immature)} are not old enough yet`;
    return `${SIGNAL_TITLE[signal]} needs ${formatCount(minCohortSize)} mature units in treatment and has ${formatCount(treatment.n)}${waiting}`;
  });
};

const settled = (sentence: string): Path => ({ sentence, expected: null });

const NO_PATH: Readonly<Partial<Record<State, { readonly rollback: string; readonly keep: string }>>> = {
  ROLLBACK: {
    rollback: "It is rolled back.",
    keep: "Only a person opens it again, and its evidence then starts from nothing.",
  },
  KEEP: {
    rollback:
      "It is watched: when a signal falls below its threshold later, and the holdout does not fall as well, it is rolled back.",
    keep: "It is kept.",
  },
  WATCH: {
    rollback:
      "It is watched: when a signal falls below its threshold later, and the holdout does not fall as well, it is rolled back.",
    keep: "It is kept.",
  },
};

/** `unitsPerDay`: new units of treatment, of the last day. */
export const outlookOf = (
  decision: StoredDecision,
  { unitsPerDay, minCohortSize }: { readonly unitsPerDay: number; readonly minCohortSize: number },
): Outlook => {
  const fixed = NO_PATH[decision.state];
  if (fixed !== undefined)
    return { rollback: settled(fixed.rollback), keep: settled(fixed.keep), missing: [] };
  return {
    rollback: rollbackPath(decision, unitsPerDay),
    keep: keepPath(decision, { unitsPerDay, minCohortSize }),
    missing: missingUnits(decision, minCohortSize),
  };
};
