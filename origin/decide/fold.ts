// Takes settled buckets into the evidence, each exactly once: a bucket that begins before `foldedTo` is in and is
// refused, so reading the same buckets again changes nothing. What a bucket held when it was folded is final: a span that
// comes later than the settling time still counts in the database's totals, but not in the evidence, because an
// e-process may not revise a bet after it has been paid.
import type { Rule } from "../../shared/rule.ts";
import { foldComparison } from "./comparison.ts";
import type { Arms, Evidence, OutcomeEvidence, TrafficEvidence } from "./evidence.ts";
import { mirrored, type Tally } from "./rate-evidence.ts";
import { foldShare } from "./share-bets.ts";

/** Settled outcomes of the units exposed in one bucket, at one age. */
export type OutcomeBucket = { readonly bucketS: number } & Arms<Tally>;

/** Requests that came in during one bucket. */
export type TrafficBucket = {
  readonly bucketS: number;
  readonly latency: Arms<Tally>;
  readonly errors: Arms<Tally>;
};

/** The rule's bound on slow requests: latencyP95Threshold says that at most one in twenty may be slower. */
export const SLOW_SHARE = 0.05;

/** The fold counts at most this many requests of one unit in one bucket, so that no unit dominates latency. */
const REQUESTS_PER_UNIT = 10;

const add = (one: Tally, other: Tally): Tally => ({ n: one.n + other.n, s: one.s + other.s });
const addArms = (one: Arms<Tally>, other: Arms<Tally>): Arms<Tally> => ({
  treatment: add(one.treatment, other.treatment),
  holdout: add(one.holdout, other.holdout),
});
const mirroredArms = (arms: Arms<Tally>): Arms<Tally> => ({
  treatment: mirrored(arms.treatment),
  holdout: mirrored(arms.holdout),
});

/** Buckets in rising order; afterwards everything that begins before `upTo` (unix seconds) is in. */
export const foldOutcomes = (
  evidence: OutcomeEvidence,
  buckets: readonly OutcomeBucket[],
  upTo: number,
  threshold: number,
): OutcomeEvidence => {
  let { mature, worse } = evidence;
  for (const bucket of buckets) {
    if (bucket.bucketS < evidence.foldedTo || bucket.bucketS >= upTo) continue;
    worse = foldComparison(worse, bucket, mature, { start: threshold });
    mature = addArms(mature, bucket);
  }
  return { ...evidence, mature, worse, foldedTo: Math.max(evidence.foldedTo, upTo) };
};

const foldRequests = (evidence: TrafficEvidence, batch: Arms<Tally>, bound: number): TrafficEvidence => ({
  requests: addArms(evidence.requests, batch),
  above: foldShare(evidence.above, batch.treatment, bound),
  // Bad requests are the rarer outcome; "worse" is about the good ones.
  worse: foldComparison(evidence.worse, mirroredArms(batch), mirroredArms(evidence.requests), {
    start: 1 - bound,
    weight: 1 / REQUESTS_PER_UNIT,
  }),
});

export const foldTraffic = (
  traffic: Evidence["traffic"],
  buckets: readonly TrafficBucket[],
  upTo: number,
  rule: Pick<Rule, "errorRateThreshold">,
): Evidence["traffic"] => {
  let { latency, errors } = traffic;
  for (const bucket of buckets) {
    if (bucket.bucketS < traffic.foldedTo || bucket.bucketS >= upTo) continue;
    latency = foldRequests(latency, bucket.latency, SLOW_SHARE);
    errors = foldRequests(errors, bucket.errors, rule.errorRateThreshold ?? SLOW_SHARE);
  }
  return { ...traffic, latency, errors, foldedTo: Math.max(traffic.foldedTo, upTo) };
};
