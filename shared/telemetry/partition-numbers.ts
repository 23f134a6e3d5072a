// The partitions of the log, by number. How many there are is fixed when an installation first starts
// (origin/span-log/fix-partitions.ts); it is part of what decides where a unit is counted. Four are numbered from 0; any other count begins
// with itself, so that a number tells how many there are and none means another partition than it did.

export const DEFAULT_PARTITIONS = 4;
/** Powers of two. Each partition of a commit is a block of its own: with more of them blocks become small. */
export const PARTITION_COUNTS = [4, 8, 16, 32, 64, 128, 256] as const;
export const MOST_PARTITIONS = 256;

const firstOf = (count: number): number => (count === DEFAULT_PARTITIONS ? 0 : count);

/** The partition of a unit, from the lower half of its key. */
export const partitionOf = (keyLow: number, count: number): number => firstOf(count) + (keyLow & (count - 1));

/** All partitions, where there are so many. */
export const partitionsOf = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => firstOf(count) + at);

/** How many partitions there are, by the number of any of them. */
export const countByPartition = (partition: number): number =>
  partition < DEFAULT_PARTITIONS ? DEFAULT_PARTITIONS : 2 ** (31 - Math.clz32(partition));

/**
 * Under which number the table latency_sketches has the documents of a partition. Its key is without the kind of request, because a
 * process of before names its columns.
 */
export const documentsOf = (partition: number): number => partition + (partition < 100 ? 100 : 1_000);
