// A range of one feature's buckets, as the statements that read many of them take it.
import type { FeatureId } from "../../shared/ids.ts";

/** The buckets that begin in [from, upTo), unix seconds. */
export type BucketRange = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly from: number;
  readonly upTo: number;
};

/** As arrays, in the order in which the statements unnest them. */
export const rangeColumns = (ranges: readonly BucketRange[]) => [
  ranges.map(({ featureId }) => featureId),
  ranges.map(({ epoch }) => epoch),
  ranges.map(({ from }) => from),
  ranges.map(({ upTo }) => upTo),
];
