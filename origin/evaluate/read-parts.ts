// Reads buckets from each database that has some partitions, and puts them together: what the databases have of a bucket adds up.
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import { addByCohort } from "../decide/statistics/tally.ts";
import type { AggregatePart } from "./aggregates.ts";
import type { BucketRange } from "./bucket-range.ts";
import { readOutcomes, type OutcomeRange } from "./read-outcomes.ts";
import { readTraffic, type TrafficPart } from "./read-traffic.ts";

/** A read of one database failed. */
export class AggregateReadError extends Error {
  readonly database: string;
  constructor(database: string, cause: unknown) {
    super(`the aggregates in the database ${database} could not be read`, { cause });
    this.database = database;
  }
}

/** What `read` gives for each part, in their order. The databases are asked at once. */
export const eachPart = <T>(
  parts: readonly AggregatePart[],
  read: (part: AggregatePart) => Promise<T>,
): Promise<T[]> =>
  Promise.all(
    parts.map((part) =>
      read(part).catch((error: unknown) => {
        throw parts.length === 1 && part.partitions === null
          ? error
          : new AggregateReadError(part.database, error);
      }),
    ),
  );

const addEarlier = (
  a: OutcomeBucket["earlier"],
  b: OutcomeBucket["earlier"],
): NonNullable<OutcomeBucket["earlier"]> => ({
  treatment: (a?.treatment ?? 0) + (b?.treatment ?? 0),
  holdout: (a?.holdout ?? 0) + (b?.holdout ?? 0),
});

/** Buckets in rising order, those that begin alike as one. */
export const mergeOutcomes = (lists: readonly (readonly OutcomeBucket[])[]): readonly OutcomeBucket[] => {
  const [first = []] = lists;
  if (lists.length <= 1) return first;
  const merged = new Map<number, OutcomeBucket>();
  for (const bucket of lists.flat()) {
    const before = merged.get(bucket.bucketS);
    merged.set(
      bucket.bucketS,
      before === undefined
        ? bucket
        : {
            ...before,
            ...addByCohort(before, bucket),
            bucketS: bucket.bucketS,
            earlier: addEarlier(before.earlier, bucket.earlier),
          },
    );
  }
  return [...merged.values()].toSorted((a, b) => a.bucketS - b.bucketS);
};

/** For each range, in its order, what all parts have. */
export const readOutcomesOf = async (
  parts: readonly AggregatePart[],
  ranges: readonly OutcomeRange[],
): Promise<(readonly OutcomeBucket[])[]> => {
  const found = await eachPart(parts, (part) => readOutcomes(part, ranges));
  return ranges.map((_range, position) => mergeOutcomes(found.map((ofPart) => ofPart[position] ?? [])));
};

export const readTrafficOf = async (
  parts: readonly AggregatePart[],
  ranges: readonly BucketRange[],
): Promise<TrafficPart[][]> => {
  const found = await eachPart(parts, (part) => readTraffic(part, ranges));
  const [first = []] = found;
  if (found.length === 1) return first;
  return ranges.map((_range, position) =>
    found.flatMap((ofPart) => ofPart[position] ?? []).toSorted((a, b) => a.bucketS - b.bucketS),
  );
};
