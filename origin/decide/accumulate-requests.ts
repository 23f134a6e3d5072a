// Takes buckets of requests into the evidence about latency and errors, each exactly once and for good, as
// accumulate-outcomes.ts does with outcomes.
import type { Rule } from "../../shared/features/rule.ts";
import { addLogEValues, type SignalTerms } from "./accumulate-outcomes.ts";
import type { Evidence, TrafficEvidence } from "./evidence.ts";
import { comparisonLogEValues, predictRate } from "./statistics/comparison.ts";
import { updateDetector } from "./statistics/detector.ts";
import { shareLogEValues } from "./statistics/share-bets.ts";
import { addByCohort, complement, type ByCohort, type Tally } from "./statistics/tally.ts";

/** Requests that came in during one bucket, `s` of them bad. */
export type TrafficBucket = {
  readonly bucketS: number;
  readonly latency: ByCohort<Tally>;
  readonly errors: ByCohort<Tally>;
};

/** The rule's bound on slow requests: latencyP95Threshold says that at most one in twenty may be slower. */
export const SLOW_SHARE = 0.05;

/**
 * Requests that count as one witness in the comparison with the holdout: those of one unit in one bucket depend on each other
 * (one page, one slow query). Safe while a unit's requests in a bucket, averaged over requests (Σk²/Σk), are no more than this;
 * the fold leaves out the requests of a unit beyond a hundred (origin/aggregate/batch/fold-batch.ts), so that no script dominates.
 */
export const REQUESTS_PER_WITNESS = 10;

/** Takes in the requests of one bucket, `s` of them bad. */
export const accumulateRequests = (
  evidence: TrafficEvidence,
  batch: ByCohort<Tally>,
  { threshold, against, isKept }: SignalTerms,
): TrafficEvidence => {
  const isCompared = against === "holdout";
  // Bad requests are the rarer outcome; "worse" is about the good ones.
  const good = { treatment: complement(batch.treatment), holdout: complement(batch.holdout) };
  const logEValues = isCompared
    ? comparisonLogEValues(good, predictRate(complement(evidence.requests.holdout)), 1 / REQUESTS_PER_WITNESS)
    : shareLogEValues(batch.treatment, threshold);
  const { aboveBound, worseThanHoldout, sinceKept } = evidence;
  return {
    requests: addByCohort(evidence.requests, batch),
    aboveBound: isCompared ? aboveBound : addLogEValues(aboveBound, logEValues),
    worseThanHoldout: isCompared ? addLogEValues(worseThanHoldout, logEValues) : worseThanHoldout,
    sinceKept: isKept ? { detector: updateDetector(sinceKept.detector, logEValues) } : sinceKept,
  };
};

/** Buckets in rising order; afterwards everything that begins before `upTo` (unix seconds) is in. */
export const accumulateTraffic = (
  traffic: Evidence["traffic"],
  buckets: readonly TrafficBucket[],
  upTo: number,
  { rule, isKept }: { rule: Pick<Rule, "errorRateThreshold" | "compare">; isKept: boolean },
): Evidence["traffic"] => {
  const termsOf = (threshold: number, against: SignalTerms["against"] = "threshold"): SignalTerms => ({
    threshold,
    against,
    isKept,
  });
  const latencyTerms = termsOf(SLOW_SHARE, rule.compare.latency);
  const errorTerms = termsOf(rule.errorRateThreshold ?? SLOW_SHARE, rule.compare.errorRate);
  let { latency, errors } = traffic;
  for (const bucket of buckets) {
    if (bucket.bucketS < traffic.accumulatedTo || bucket.bucketS >= upTo) continue;
    latency = accumulateRequests(latency, bucket.latency, latencyTerms);
    errors = accumulateRequests(errors, bucket.errors, errorTerms);
  }
  return { ...traffic, latency, errors, accumulatedTo: Math.max(traffic.accumulatedTo, upTo) };
};
