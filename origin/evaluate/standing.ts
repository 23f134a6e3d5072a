// How a feature stands, in short: cohorts, each signal as one bullet, what is in sight, and whether telemetry comes. Pure.
import { outlookOf, partOfWay, progressOf, type ExpectedDecision } from "../decide/planning/outlook.ts";
import type { SignalName } from "../decide/decision.ts";
import type { StoredDecision } from "./stored-decision.ts";

const DAY = 86_400;
const HOUR = 3_600;

type ListedShares = {
  readonly rolloutBps: number;
  readonly holdoutBps?: number | undefined;
  /** null: it has no rule. */
  readonly minCohortSize: number | null;
};

/** What is stored of a feature's present epoch. */
export type StoredStanding = {
  readonly scores: readonly number[];
  readonly nearness: number | null;
  readonly looked_at: Date | null;
  readonly ramp_since: Date | null;
  readonly ramp_paused: boolean | null;
  /** Exposed units of the trial; null: it has none yet. */
  readonly treatment: number | null;
  readonly holdout: number | null;
  /** Unix seconds at which the bucket of the first exposure begins. */
  readonly first_s: number | null;
  /** Unix seconds at which the bucket of the newest request or exposure begins. */
  readonly telemetry_s: number | null;
  /** New units of both cohorts in the last 23 whole hours and the present one. */
  readonly of_day: number;
  /** The newest evaluation's. */
  readonly at: Date | null;
  readonly state: string | null;
  readonly action: string | null;
  readonly mode: string | null;
  readonly sentence: string | null;
  readonly decision: StoredDecision | null;
};

type Test = StoredDecision["evidence"]["tests"][number];

/** One signal at its longest age that has anybody; the evidence against it is that of the age that is furthest. */
const signalOf = (
  decision: StoredDecision,
  signal: SignalName,
  tests: readonly (readonly [Test, number])[],
) => {
  const shown = tests.findLast(([{ rate }]) => rate !== null) ?? tests.at(-1);
  if (shown === undefined) return [];
  const [{ against, threshold, rate, counts, treatment, holdout }, at] = shown;
  const keep = decision.evidence.keep.find((report) => report.signal === signal);
  return [
    {
      signal,
      against,
      threshold,
      rate,
      holdoutRate: holdout === null || holdout.n === 0 ? null : holdout.s / holdout.n,
      n: treatment.n,
      interval: decision.explained[at]?.interval ?? null,
      counts,
      rollback: Math.max(...tests.map(([test]) => progressOf(test))),
      keep: keep === undefined ? null : partOfWay(keep),
    },
  ];
};

const signalsOf = (decision: StoredDecision) => {
  const bySignal = Map.groupBy(
    decision.evidence.tests.map((test, at) => [test, at] as const),
    ([{ signal }]) => signal,
  );
  return [...bySignal].flatMap(([signal, tests]) => signalOf(decision, signal, tests));
};

/** New units of treatment in a day, by those of both cohorts in the last hours. `now`: unix seconds. */
const unitsPerDay = (
  { rolloutBps, holdoutBps = 0 }: ListedShares,
  { of_day: ofDay, first_s: firstS }: Pick<StoredStanding, "of_day" | "first_s">,
  now: number,
): number => {
  const oldestHourS = (Math.floor((now - DAY) / HOUR) + 1) * HOUR;
  const seenS = Math.max(1, now - Math.max(oldestHourS, firstS ?? oldestHourS));
  const share = rolloutBps + holdoutBps === 0 ? 0 : rolloutBps / (rolloutBps + holdoutBps);
  return Math.round((ofDay * DAY * share) / seenS);
};

type Sight = { readonly progress: number; readonly expected: ExpectedDecision | null };

const outlookIn = (
  decision: StoredDecision,
  minCohortSize: number | null,
  perDay: number,
): { rollback: Sight; keep: Sight; missing: readonly string[] } => {
  const { tests, keep } = decision.evidence;
  const progress = {
    rollback: Math.max(0, ...tests.map(progressOf)),
    keep: keep.length === 0 ? 0 : Math.min(...keep.map(partOfWay)),
  };
  if (minCohortSize === null)
    return {
      rollback: { progress: progress.rollback, expected: null },
      keep: { progress: progress.keep, expected: null },
      missing: [],
    };
  const outlook = outlookOf(decision, { unitsPerDay: perDay, minCohortSize });
  return {
    rollback: { progress: progress.rollback, expected: outlook.rollback.expected },
    keep: { progress: progress.keep, expected: outlook.keep.expected },
    missing: outlook.missing,
  };
};

/** `now`: unix seconds. */
export const standingOf = (feature: ListedShares, row: StoredStanding, now: number) => {
  const perDay = unitsPerDay(feature, row, now);
  const { decision, at, state, action, mode, sentence } = row;
  return {
    verdict:
      at === null || state === null || action === null || mode === null
        ? null
        : { state, action, mode, sentence: sentence ?? "", at },
    standing: {
      cohorts: { treatment: row.treatment ?? 0, holdout: row.holdout ?? 0 },
      perDay,
      nearness: row.nearness,
      scores: row.scores,
      signals: decision === null ? [] : signalsOf(decision),
      ...(decision === null
        ? { rollback: null, keep: null, missing: [] }
        : outlookIn(decision, feature.minCohortSize, perDay)),
      telemetryAt: row.telemetry_s === null ? null : new Date(row.telemetry_s * 1_000),
      checkedAt: row.looked_at,
    },
    ramp: { since: row.ramp_since, paused: row.ramp_paused ?? false },
  };
};
