// How many requests the buckets of time so far had, coarsely: enough for the weight of the next bucket, which has to be fixed
// before the bucket is seen.

/** Powers of 2^(1/8), so that a size is known to within 9 %, as rising pairs of the exponent and the number of buckets. */
export type BucketSizes = readonly (readonly [exponent: number, buckets: number])[];

const STEPS_A_DOUBLING = 8;

/** A bucket without requests has no size. */
export const addBucketSize = (sizes: BucketSizes, requests: number): BucketSizes => {
  if (requests <= 0) return sizes;
  const exponent = Math.floor(Math.log2(requests) * STEPS_A_DOUBLING);
  const others = sizes.filter(([one]) => one !== exponent);
  const before = sizes.find(([one]) => one === exponent)?.[1] ?? 0;
  return [...others, [exponent, before + 1] as const].toSorted(([one], [other]) => one - other);
};

/** The size that nine in ten of the buckets do not exceed; null before the first. */
const ninetiethPercentile = (sizes: BucketSizes): number | null => {
  const total = sizes.reduce((sum, [, buckets]) => sum + buckets, 0);
  let counted = 0;
  for (const [exponent, buckets] of sizes) {
    counted += buckets;
    if (counted >= 0.9 * total) return 2 ** (exponent / STEPS_A_DOUBLING);
  }
  return null;
};

/**
 * Requests of one bucket that have weight: twice as many as nine in ten buckets had before, and `atLeast` so many. Of a larger one as
 * many are drawn; null: there is no bucket to go by.
 */
export const requestCap = (sizes: BucketSizes, atLeast = 0): number | null => {
  const usual = ninetiethPercentile(sizes);
  return usual === null ? null : Math.max(2 * usual, atLeast);
};
