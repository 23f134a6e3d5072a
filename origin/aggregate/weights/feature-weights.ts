// How much units and networks weigh in one feature and epoch, as far as this process has seen. A restart of the fold begins anew:
// what is in memory bounds what somebody can add, not what is stored.
import type { NetworkHours } from "./largest-network.ts";
import { emptyNetworkCounts, isWithinShare, noteCounted, type NetworkCounts } from "./network-share.ts";

/** Requests of one unit in one bucket: as many as make one independent observation. */
const MAX_REQUESTS_IN_BUCKET = 10;
/**
 * Requests of one unit in a trial: as many always, … The first ones, so fewer would leave out what a page asks for last, and more
 * would let one visitor be a twentieth of a short trial.
 */
const ALWAYS_IN_TRIAL = 5;
/** … and this share of the requests of its cohort. */
const MAX_SHARE_OF_TRIAL = 0.01;

/**
 * Seconds over which a network's share is counted, however narrow the buckets are. What always counts of a network would else be
 * 20 units a second under a rule with windows of seconds, and buy a verdict.
 */
const NETWORK_PERIOD_S = 180;
/** One network may make up this share of a period's new units, … */
const MAX_SHARE_OF_UNITS = 0.05;
/** … and this one of its requests, of all and of each cohort: half of what a rule allows to be slow. */
const MAX_SHARE_OF_REQUESTS = 0.025;

/** Periods whose networks are known at once. 8 KB each. */
const MAX_PERIODS = 4;

type PeriodWeights = {
  readonly fromS: number;
  readonly units: NetworkCounts;
  readonly requests: NetworkCounts;
  /** by cohort: units know theirs when they send further requests, and can send all of them in one */
  readonly requestsOf: readonly [NetworkCounts, NetworkCounts];
};

export type FeatureWeights = {
  /** requests that were counted, by cohort */
  readonly requests: [number, number];
  /** by their begin (unix seconds), in the order of their last use */
  readonly periods: Map<number, PeriodWeights>;
  /** the period that was used last */
  last: PeriodWeights | undefined;
  /** new units of networks, by hour */
  readonly hours: NetworkHours;
};

export const emptyWeights = (): FeatureWeights => ({
  requests: [0, 0],
  periods: new Map(),
  last: undefined,
  hours: new Map(),
});

const periodWeights = (weights: FeatureWeights, fromS: number): PeriodWeights => {
  const { periods, last } = weights;
  if (last?.fromS === fromS) return last;
  const period = periods.get(fromS) ?? {
    fromS,
    units: emptyNetworkCounts(),
    requests: emptyNetworkCounts(),
    requestsOf: [emptyNetworkCounts(), emptyNetworkCounts()],
  };
  periods.delete(fromS);
  periods.set(fromS, period);
  if (periods.size > MAX_PERIODS) for (const oldest of periods.keys()) if (periods.delete(oldest)) break;
  weights.last = period;
  return period;
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

/** The period that a bucket lies in, and the one before if it is known. */
const periodsOf = (
  weights: FeatureWeights,
  { bucketS, bucketWidthS }: Sender,
): { period: PeriodWeights; before: PeriodWeights | undefined } => {
  const lengthS = Math.max(NETWORK_PERIOD_S, bucketWidthS);
  const fromS = Math.floor(bucketS / lengthS) * lengthS;
  return { period: periodWeights(weights, fromS), before: weights.periods.get(fromS - lengthS) };
};

/** Whether a unit that is exposed for the first time is counted; notes it. */
export const admitUnit = (weights: FeatureWeights, sender: Sender): boolean => {
  const { network } = sender;
  const { period, before } = periodsOf(weights, sender);
  const drawn = { network, draw: drawOf(sender) };
  if (!isWithinShare(period.units, before?.units, drawn, MAX_SHARE_OF_UNITS)) return false;
  noteCounted(period.units, network);
  return true;
};

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
  const { network } = sender;
  const { period, before } = periodsOf(weights, sender);
  const own = period.requestsOf[cohort];
  const drawn = { network, draw: drawOf(sender) };
  // Sampled by the rate of both cohorts, so that each keeps the networks that it has; in its own there is only the end.
  const isWithin =
    isWithinShare(period.requests, before?.requests, drawn, MAX_SHARE_OF_REQUESTS) &&
    isWithinShare(own, undefined, drawn, MAX_SHARE_OF_REQUESTS);
  if (!isWithin) return "network-share";
  noteCounted(period.requests, network);
  noteCounted(own, network);
  weights.requests[cohort]++;
  return "counted";
};
