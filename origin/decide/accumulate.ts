// Takes settled buckets into the evidence, each exactly once: a bucket that begins before `foldedTo` is in and is
// refused, so reading the same buckets again changes nothing. What a bucket held when it was folded is final: a span that
// comes later than the settling time still counts in the database's totals, but not in the evidence, because an
// e-process may not revise a bet after it has been paid.
import type { Rule } from "../../shared/features/rule.ts";
import { comparisonGains, guessRate } from "./statistics/comparison.ts";
import { BATCH_UNITS, foldDetector } from "./statistics/detector.ts";
import { nothing, type Arms, type Evidence, type OutcomeEvidence, type TrafficEvidence } from "./evidence.ts";
import { logLikelihoodRatios, mirrored, type Tally } from "./statistics/rate-evidence.ts";
import { foldStretch, type Rollout } from "./statistics/sample-ratio.ts";
import { shareGains } from "./statistics/share-bets.ts";

/**
 * Settled outcomes of the units exposed in one bucket, at one age; `earlier`: how many of them had succeeded at the age
 * before already (not given: none, or there is no age before).
 */
export type OutcomeBucket = { readonly bucketS: number; readonly earlier?: Arms<number> } & Arms<Tally>;

/** Requests that came in during one bucket. */
export type TrafficBucket = {
  readonly bucketS: number;
  readonly latency: Arms<Tally>;
  readonly errors: Arms<Tally>;
};

/** What a signal is held against, and whether the feature is kept and watched. */
export type FoldTerms = {
  readonly threshold: number;
  readonly against: "threshold" | "holdout";
  readonly watching: boolean;
};

/** The rule's bound on slow requests: latencyP95Threshold says that at most one in twenty may be slower. */
export const SLOW_SHARE = 0.05;

/**
 * Requests that count as one witness in the comparison with the holdout: those of one unit in one bucket hang together (one
 * page, one slow query). Safe while a unit's requests in a bucket, averaged over requests (Σk²/Σk), are no more than this; the
 * fold leaves out what a unit sends beyond a hundred (origin/aggregate/fold-batch.ts), so that no script dominates.
 */
const REQUESTS_PER_WITNESS = 10;

const NOBODY: Arms<number> = { treatment: 0, holdout: 0 };

const add = (one: Tally, other: Tally): Tally => ({ n: one.n + other.n, s: one.s + other.s });
const addArms = (one: Arms<Tally>, other: Arms<Tally>): Arms<Tally> => ({
  treatment: add(one.treatment, other.treatment),
  holdout: add(one.holdout, other.holdout),
});
const mirroredArms = (arms: Arms<Tally>): Arms<Tally> => ({
  treatment: mirrored(arms.treatment),
  holdout: mirrored(arms.holdout),
});
const addEach = (sums: readonly number[], gains: readonly number[]): number[] =>
  sums.map((sum, i) => sum + (gains[i] ?? 0));

/** The units that had not succeeded at the age before, and those of them that have by this one. */
const stepOf = ({ treatment, holdout, earlier = NOBODY }: OutcomeBucket): Arms<Tally> => ({
  treatment: { n: treatment.n - earlier.treatment, s: treatment.s - earlier.treatment },
  holdout: { n: holdout.n - earlier.holdout, s: holdout.s - earlier.holdout },
});

/** Adds a bucket to the batch that is filling, and folds the batch when it is full. */
const watchOutcomes = (
  { watch, mature }: Pick<OutcomeEvidence, "watch" | "mature">,
  bucket: Arms<Tally>,
  { threshold, against }: FoldTerms,
): OutcomeEvidence["watch"] => {
  const filling = addArms(watch.filling, bucket);
  if (filling.treatment.n < BATCH_UNITS) return { ...watch, filling };
  // The rate to expect is what was known before the batch began to fill.
  const before = {
    n: mature.holdout.n - watch.filling.holdout.n,
    s: mature.holdout.s - watch.filling.holdout.s,
  };
  const gains =
    against === "holdout"
      ? comparisonGains(filling, guessRate(before))
      : logLikelihoodRatios(filling.treatment, threshold);
  return { detector: foldDetector(watch.detector, gains), filling: nothing };
};

/** Buckets in rising order; afterwards everything that begins before `upTo` (unix seconds) is in. */
export const foldOutcomes = (
  evidence: OutcomeEvidence,
  buckets: readonly OutcomeBucket[],
  upTo: number,
  terms: FoldTerms,
): OutcomeEvidence => {
  let { mature, worse, held, watch } = evidence;
  for (const bucket of buckets) {
    if (bucket.bucketS < evidence.foldedTo || bucket.bucketS >= upTo) continue;
    if (terms.against === "holdout") {
      const step = stepOf(bucket);
      worse = addEach(worse, comparisonGains(step, guessRate(held)));
      held = add(held, step.holdout);
    }
    if (terms.watching) watch = watchOutcomes({ watch, mature }, bucket, terms);
    mature = addArms(mature, bucket);
  }
  return { ...evidence, mature, worse, held, watch, foldedTo: Math.max(evidence.foldedTo, upTo) };
};

/** Takes in the requests of one bucket, `s` of them bad. */
export const foldRequests = (
  evidence: TrafficEvidence,
  batch: Arms<Tally>,
  { threshold, against, watching }: FoldTerms,
): TrafficEvidence => {
  const isCompared = against === "holdout";
  // Bad requests are the rarer outcome; "worse" is about the good ones.
  const gains = isCompared
    ? comparisonGains(
        mirroredArms(batch),
        guessRate(mirrored(evidence.requests.holdout)),
        1 / REQUESTS_PER_WITNESS,
      )
    : shareGains(batch.treatment, threshold);
  return {
    requests: addArms(evidence.requests, batch),
    above: isCompared ? evidence.above : addEach(evidence.above, gains),
    worse: isCompared ? addEach(evidence.worse, gains) : evidence.worse,
    watch: watching ? { detector: foldDetector(evidence.watch.detector, gains) } : evidence.watch,
  };
};

export const foldTraffic = (
  traffic: Evidence["traffic"],
  buckets: readonly TrafficBucket[],
  upTo: number,
  { rule, watching }: { rule: Pick<Rule, "errorRateThreshold" | "compare">; watching: boolean },
): Evidence["traffic"] => {
  let { latency, errors } = traffic;
  const termsOf = (threshold: number, against: FoldTerms["against"] = "threshold") => ({
    threshold,
    against,
    watching,
  });
  const latencyTerms = termsOf(SLOW_SHARE, rule.compare.latency);
  const errorTerms = termsOf(rule.errorRateThreshold ?? SLOW_SHARE, rule.compare.errorRate);
  for (const bucket of buckets) {
    if (bucket.bucketS < traffic.foldedTo || bucket.bucketS >= upTo) continue;
    latency = foldRequests(latency, bucket.latency, latencyTerms);
    errors = foldRequests(errors, bucket.errors, errorTerms);
  }
  return { ...traffic, latency, errors, foldedTo: Math.max(traffic.foldedTo, upTo) };
};

/** Counts exposures, over the trial and over the stretch in which the rollout is what it is `now` (unix seconds). */
export const foldExposures = (
  { exposed, sampleRatio }: Pick<Evidence, "exposed" | "sampleRatio">,
  buckets: readonly OutcomeBucket[],
  upTo: number,
  { rollout, now }: { rollout: Rollout; now: number },
): Pick<Evidence, "exposed" | "sampleRatio"> => {
  const settled = buckets.filter(({ bucketS }) => bucketS >= exposed.foldedTo && bucketS < upTo);
  const sum = (cohort: "treatment" | "holdout") =>
    settled.reduce((total, bucket) => total + bucket[cohort].n, exposed[cohort]);
  return {
    exposed: {
      foldedTo: Math.max(exposed.foldedTo, upTo),
      treatment: sum("treatment"),
      holdout: sum("holdout"),
    },
    sampleRatio: foldStretch(sampleRatio, settled, rollout, now),
  };
};
