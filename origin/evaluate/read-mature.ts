// Reads the buckets that have matured since each trial took some in last, for many trials in two statements a database.
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import type { Evidence } from "../decide/evidence.ts";
import { againstOf, type JudgedRule } from "../decide/judged-rule.ts";
import { matureUpTo } from "../decide/maturity.ts";
import type { Missed } from "../decide/missed.ts";
import type { AggregateView } from "./aggregates.ts";
import { readLate, type Late } from "./read-late.ts";
import type { OutcomeRange, OutcomeSignal } from "./read-outcomes.ts";
import { readOutcomesOf, readTrafficOf } from "./read-parts.ts";
import type { TrafficPart } from "./read-traffic.ts";
import type { EvaluationTarget } from "./targets.ts";
import type { Trial } from "./trials.ts";
import { watermarkFor, type Watermark } from "./watermark.ts";

/** `now`: unix seconds; `lagSeconds`: how far aggregation is behind acknowledged telemetry. */
export type EvaluationClock = {
  readonly now: number;
  readonly watermark: Watermark;
  readonly lagSeconds: number;
};

/** `upTo`: unix seconds; every bucket that begins before is mature. */
export type Mature<T> = { readonly upTo: number; readonly found: T };

/** What has matured of one trial; nothing for a signal and age of which no bucket has. */
export type MatureData = {
  readonly outcomes: ReadonlyMap<string, Mature<readonly OutcomeBucket[]>>;
  readonly traffic: Mature<readonly TrafficPart[]> | undefined;
  /** Partitions that nothing of this is of. */
  readonly away: readonly number[];
  /** Of partitions that were missed before and can be asked again. */
  readonly late: readonly Late[];
  /** The part of all people that this is of. */
  readonly share: number;
};

export const outcomeKey = (signal: OutcomeSignal, ageSeconds: number): string => `${signal} ${ageSeconds}`;

type OutcomeProgress = Pick<OutcomeRange, "signal" | "ageSeconds" | "earlierAgeSeconds" | "from">;

/** How far each signal and age has come. */
const outcomeProgress = ({ exposed, ...outcomes }: Evidence, rule: JudgedRule): OutcomeProgress[] => [
  { signal: "exposure", ageSeconds: 0, earlierAgeSeconds: null, from: exposed.accumulatedTo },
  ...(["activation", "retention"] as const).flatMap((signal) =>
    outcomes[signal].map(({ ageSeconds, accumulatedTo: from }, index, ages) => {
      const before = againstOf(rule, signal) === "threshold" ? undefined : ages[index - 1];
      return { signal, ageSeconds, earlierAgeSeconds: before?.ageSeconds ?? null, from };
    }),
  ),
];

/** For each trial, in their order. Nothing is read of a feature whose counts are not made by its rule's windows yet. */
export const readMature = async (
  { parts, away }: AggregateView,
  trials: readonly { readonly target: EvaluationTarget; readonly trial: Trial }[],
  { now, watermark, lagSeconds }: EvaluationClock,
): Promise<MatureData[]> => {
  const counted = [...trials.entries()]
    .filter(([, { target }]) => target.isCounted)
    .map(([index, { target, trial }]) => {
      const clock = { now, watermark: watermarkFor(watermark, trial.evidence.since), lagSeconds };
      return { index, target, trial, upTo: (age: number) => matureUpTo(target.ages, age, clock) };
    });
  const outcomeRanges = counted
    .flatMap(({ index, target: { featureId, epoch, rule }, trial, upTo }) =>
      outcomeProgress(trial.evidence, rule).map(({ signal, ageSeconds, earlierAgeSeconds, from }) => ({
        index,
        featureId,
        epoch,
        signal,
        ageSeconds,
        earlierAgeSeconds,
        from,
        upTo: upTo(ageSeconds),
      })),
    )
    .filter((range) => range.from < range.upTo);
  const trafficRanges = counted
    .map(({ index, target: { featureId, epoch }, trial, upTo }) => ({
      index,
      featureId,
      epoch,
      from: trial.evidence.traffic.accumulatedTo,
      upTo: upTo(0),
    }))
    .filter((range) => range.from < range.upTo);
  const asked = parts.reduce((sum, { partitions }) => sum + (partitions?.length ?? 0), 0);
  /** What of these can be taken in now: its own fold may be behind the others'. */
  const matureOf = ({ trial, upTo }: (typeof counted)[number]): readonly Missed[] =>
    trial.evidence.missed.filter((missed) => missed.upTo <= upTo(missed.ageSeconds));
  const [outcomes, traffic, late] = await Promise.all([
    readOutcomesOf(parts, outcomeRanges),
    readTrafficOf(parts, trafficRanges),
    readLate(
      parts,
      counted
        .map((one) => ({ index: one.index, target: one.target, missed: matureOf(one) }))
        .filter(({ missed }) => missed.length > 0),
      asked + away.length,
    ),
  ]);

  const matureOutcomes = trials.map(() => new Map<string, Mature<readonly OutcomeBucket[]>>());
  for (const [position, { index, signal, ageSeconds, upTo }] of outcomeRanges.entries())
    matureOutcomes[index]?.set(outcomeKey(signal, ageSeconds), { upTo, found: outcomes[position] ?? [] });
  const matureTraffic = new Map(
    trafficRanges.map(({ index, upTo }, position) => [index, { upTo, found: traffic[position] ?? [] }]),
  );
  const awayPartitions = away.map(({ partition }) => partition);
  return matureOutcomes.map((one, index) => ({
    outcomes: one,
    traffic: matureTraffic.get(index),
    away: awayPartitions,
    late: late.get(index) ?? [],
    share: away.length === 0 ? 1 : asked / (asked + away.length),
  }));
};
