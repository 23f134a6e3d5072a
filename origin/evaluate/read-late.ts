// Reads what trials have missed of partitions whose database can be asked again.
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import { againstOf } from "../decide/judged-rule.ts";
import type { Missed } from "../decide/missed.ts";
import type { AggregatePart } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";
import { readOutcomes, type OutcomeRange } from "./read-outcomes.ts";
import { readTraffic, type TrafficPart } from "./read-traffic.ts";
import type { EvaluationTarget } from "./targets.ts";

/** Buckets of one partition that are late: one of the two is there. */
export type Late = {
  readonly missed: Missed;
  readonly outcomes: readonly OutcomeBucket[];
  readonly traffic: readonly TrafficPart[];
  /** The part of all people that they are of. */
  readonly share: number;
};

type OfTrial = {
  readonly index: number;
  readonly target: Pick<EvaluationTarget, "featureId" | "epoch" | "rule" | "ages">;
  readonly missed: readonly Missed[];
};

type Wanted = { readonly index: number; readonly missed: Missed; readonly target: OfTrial["target"] };

/** The age before, of a signal that is compared step by step. */
const earlierAgeOf = ({ target: { rule, ages }, missed: { signal, ageSeconds } }: Wanted): number | null => {
  if (signal !== "activation" && signal !== "retention") return null;
  if (againstOf(rule, signal) === "threshold") return null;
  return ages[signal][ages[signal].indexOf(ageSeconds) - 1] ?? null;
};

const readOfPartition = async (
  part: AggregatePart,
  wanted: readonly Wanted[],
  share: number,
): Promise<(readonly [number, Late])[]> => {
  const outcomeWanted = wanted.flatMap((one): (Wanted & OutcomeRange)[] => {
    const { signal, ageSeconds, from, upTo } = one.missed;
    if (signal === "traffic") return [];
    const { featureId, epoch } = one.target;
    return [
      { ...one, featureId, epoch, signal, ageSeconds, from, upTo, earlierAgeSeconds: earlierAgeOf(one) },
    ];
  });
  const trafficWanted = wanted
    .filter(({ missed }) => missed.signal === "traffic")
    .map(({ index, missed, target: { featureId, epoch } }) => ({
      index,
      missed,
      featureId,
      epoch,
      from: missed.from,
      upTo: missed.upTo,
    }));
  const outcomes = await readOutcomes(part, outcomeWanted);
  const traffic = await readTraffic(part, trafficWanted);
  return [
    ...outcomeWanted.map(
      ({ index, missed }, at) =>
        [index, { missed, outcomes: outcomes[at] ?? [], traffic: [], share }] as const,
    ),
    ...trafficWanted.map(
      ({ index, missed }, at) =>
        [index, { missed, outcomes: [], traffic: traffic[at] ?? [], share }] as const,
    ),
  ];
};

/** By the index of the trial, in the order of what was missed. Partitions that still cannot be asked stay missed. */
export const readLate = async (
  parts: readonly AggregatePart[],
  trials: readonly OfTrial[],
  partitionsInAll: number,
): Promise<ReadonlyMap<number, readonly Late[]>> => {
  const found = new Map<number, Late[]>();
  if (trials.length === 0) return found;
  const wanted = trials.flatMap(({ index, target, missed }) =>
    missed.map((one): Wanted => ({ index, target, missed: one })),
  );
  const single = parts.flatMap(({ partitions, database, db }) =>
    (partitions ?? []).map((partition): AggregatePart => ({ database, db, partitions: [partition] })),
  );
  const read = await eachPart(
    single.filter(({ partitions }) => wanted.some(({ missed }) => missed.partition === partitions?.[0])),
    (part) =>
      readOfPartition(
        part,
        wanted.filter(({ missed }) => missed.partition === part.partitions?.[0]),
        1 / partitionsInAll,
      ),
  );
  for (const [index, late] of read.flat()) found.set(index, [...(found.get(index) ?? []), late]);
  return found;
};
