// Takes buckets of requests into the evidence about latency and errors, each exactly once and for good, as
// accumulate-outcomes.ts does with outcomes.
import type { Against } from "../../shared/features/rule.ts";
import { addLogEValues, updateSinceKept, type SignalTerms } from "./accumulate-outcomes.ts";
import type { Evidence, TrafficEvidence } from "./evidence.ts";
import { againstOf, type JudgedRule } from "./judged-rule.ts";
import { addBucketSize, requestCap } from "./statistics/bucket-sizes.ts";
import { comparisonLogEValues, predictRate } from "./statistics/comparison.ts";
import { firstDayRequests, shareLogEValues } from "./statistics/share-bets.ts";
import { addByCohort, complement, type ByCohort, type Tally } from "./statistics/tally.ts";

/** Requests that came in during one bucket, `s` of them bad. */
export type TrafficBucket = {
  readonly bucketS: number;
  readonly latency: ByCohort<Tally>;
  /** `s`: failed ones */
  readonly errors: ByCohort<Tally>;
  /** Requests that were aborted or hung (not given: none). */
  readonly unfinished?: ByCohort<number>;
};

/** The rule's bound on slow requests: latencyP95Threshold says that at most one in twenty may be slower. */
export const SLOW_SHARE = 0.05;

/**
 * Requests that count as one witness in the comparison with the holdout: those of one unit in one bucket depend on each other
 * (one page, one slow query). Safe while a unit's requests in a bucket, averaged over requests (Σk²/Σk), are no more than this;
 * the fold leaves out a unit's requests beyond a bound (origin/aggregate/batch/fold-batch.ts), so that no script dominates.
 */
export const REQUESTS_PER_WITNESS = 10;

const DAY = 86_400;

/**
 * For how many requests a bucket has its whole weight at the soonest: without a holdout the first day tells how many are usual.
 * Beside a holdout a lonely night hits both cohorts.
 */
export const leastForWeight = (
  { threshold, against }: Pick<SignalTerms, "threshold" | "against">,
  secondsSinceFirst: number,
): number => (against === "threshold" && secondsSinceFirst < DAY ? firstDayRequests(threshold) : 0);

/** Takes in the requests of one bucket, `s` of them bad. `atLeast`: by `leastForWeight`. */
export const accumulateRequests = (
  evidence: TrafficEvidence,
  batch: ByCohort<Tally>,
  { threshold, against, isKept }: SignalTerms,
  atLeast = 0,
): TrafficEvidence => {
  // Bad requests are the rarer outcome; "worse" is about the good ones.
  const good = { treatment: complement(batch.treatment), holdout: complement(batch.holdout) };
  const below =
    against === "holdout"
      ? null
      : shareLogEValues(batch.treatment, threshold, requestCap(evidence.sizes, atLeast));
  const beside =
    against === "threshold"
      ? null
      : comparisonLogEValues(
          good,
          predictRate(complement(evidence.requests.holdout)),
          1 / REQUESTS_PER_WITNESS,
        );
  const { aboveBound, worseThanHoldout, sizes, sinceKept } = evidence;
  return {
    requests: addByCohort(evidence.requests, batch),
    aboveBound: below === null ? aboveBound : addLogEValues(aboveBound, below),
    worseThanHoldout: beside === null ? worseThanHoldout : addLogEValues(worseThanHoldout, beside),
    sizes: addBucketSize(sizes, batch.treatment.n),
    sinceKept: isKept ? updateSinceKept(sinceKept, batch, { below, beside }) : sinceKept,
  };
};

const ofBoth = <R>(of: (cohort: "treatment" | "holdout") => R): ByCohort<R> => ({
  treatment: of("treatment"),
  holdout: of("holdout"),
});

/** Requests that their visitors did not get: failed or unfinished. */
export const lostOf = ({ errors, unfinished }: TrafficBucket): ByCohort<Tally> =>
  ofBoth((cohort) => ({
    n: errors[cohort].n,
    s: errors[cohort].s + (unfinished?.[cohort] ?? 0),
  }));

/** Buckets in rising order; afterwards everything that begins before `upTo` (unix seconds) is in. */
export const accumulateTraffic = (
  traffic: Evidence["traffic"],
  buckets: readonly TrafficBucket[],
  upTo: number,
  { rule, isKept }: { rule: JudgedRule; isKept: boolean },
): Evidence["traffic"] => {
  const termsOf = (threshold: number, against: Against): SignalTerms => ({ threshold, against, isKept });
  const errorBound = rule.errorRateThreshold ?? SLOW_SHARE;
  const latencyTerms = termsOf(SLOW_SHARE, againstOf(rule, "latency"));
  const errorTerms = termsOf(errorBound, "threshold");
  const lostTerms = termsOf(errorBound, "holdout");
  const namedForErrors = { threshold: errorBound, against: againstOf(rule, "errorRate") };
  let { latency, errors, lost, firstRequestS } = traffic;
  for (const bucket of buckets) {
    if (bucket.bucketS < traffic.accumulatedTo || bucket.bucketS >= upTo) continue;
    if (bucket.errors.treatment.n > 0) firstRequestS ??= bucket.bucketS;
    const age = bucket.bucketS - (firstRequestS ?? bucket.bucketS);
    latency = accumulateRequests(latency, bucket.latency, latencyTerms, leastForWeight(latencyTerms, age));
    errors = accumulateRequests(errors, bucket.errors, errorTerms, leastForWeight(namedForErrors, age));
    lost = accumulateRequests(lost, lostOf(bucket), lostTerms);
  }
  const accumulatedTo = Math.max(traffic.accumulatedTo, upTo);
  return { ...traffic, latency, errors, lost, firstRequestS, accumulatedTo };
};
