// How much units and networks weigh in one feature and epoch, as far as this process has seen. A restart of the fold begins anew:
// what is in memory bounds what somebody can add, not what is stored.
import { admitOfNetwork, emptyNetworkCounts, type NetworkCounts } from "./network-share.ts";

/** Requests of one unit in one bucket: as many as make one independent observation. */
const MAX_REQUESTS_IN_BUCKET = 10;
/** Requests of one unit in a trial: as many always, … */
const ALWAYS_IN_TRIAL = 10;
/** … and this share of the requests of its cohort. */
const MAX_SHARE_OF_TRIAL = 0.01;

/** Buckets whose networks are known at once. 4 KB each. */
const MAX_BUCKETS = 8;

type BucketWeights = {
  readonly bucketS: number;
  readonly units: NetworkCounts;
  readonly requests: NetworkCounts;
};

export type FeatureWeights = {
  /** requests that were counted, by cohort */
  readonly requests: [number, number];
  /** in the order of their last use */
  readonly buckets: Map<number, BucketWeights>;
  /** the bucket that was used last */
  last: BucketWeights | undefined;
};

export const emptyWeights = (): FeatureWeights => ({
  requests: [0, 0],
  buckets: new Map(),
  last: undefined,
});

const bucketWeights = (weights: FeatureWeights, bucketS: number): BucketWeights => {
  const { buckets, last } = weights;
  if (last?.bucketS === bucketS) return last;
  const bucket = buckets.get(bucketS) ?? {
    bucketS,
    units: emptyNetworkCounts(),
    requests: emptyNetworkCounts(),
  };
  buckets.delete(bucketS);
  buckets.set(bucketS, bucket);
  if (buckets.size > MAX_BUCKETS) for (const oldest of buckets.keys()) if (buckets.delete(oldest)) break;
  weights.last = bucket;
  return bucket;
};

/** Of whom a request or an exposure is, and when. `network`: −1 when it is unknown. */
export type Sender = {
  readonly bucketS: number;
  readonly bucketWidthS: number;
  readonly network: number;
  /** upper half of the unit's key */
  readonly unitHigh: number;
};

/** Another number in [0, 1) for the same unit in another bucket: nobody is left out for good. */
const drawOf = ({ unitHigh, bucketS }: Sender): number => {
  let mixed = Math.imul(unitHigh ^ bucketS, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
};

const admit = (weights: FeatureWeights, sender: Sender, what: "units" | "requests"): boolean => {
  const bucket = bucketWeights(weights, sender.bucketS)[what];
  const before = weights.buckets.get(sender.bucketS - sender.bucketWidthS)?.[what];
  return admitOfNetwork(bucket, before, sender.network, drawOf(sender));
};

/** Whether a unit that is exposed for the first time is counted; notes it. */
export const admitUnit = (weights: FeatureWeights, sender: Sender): boolean =>
  admit(weights, sender, "units");

/** Requests of the unit that were counted before: in the bucket, and in the trial. */
export type UnitRequests = { readonly inBucket: number; readonly inTrial: number };

/** Whether a request is counted, or why it is left out; notes one that is counted. */
export const admitRequest = (
  weights: FeatureWeights,
  sender: Sender,
  cohort: 0 | 1,
  { inBucket, inTrial }: UnitRequests,
): "counted" | "unit-share" | "network-share" => {
  const mostInTrial = Math.max(ALWAYS_IN_TRIAL, MAX_SHARE_OF_TRIAL * weights.requests[cohort]);
  if (inBucket >= MAX_REQUESTS_IN_BUCKET || inTrial >= mostInTrial) return "unit-share";
  if (!admit(weights, sender, "requests")) return "network-share";
  weights.requests[cohort]++;
  return "counted";
};
