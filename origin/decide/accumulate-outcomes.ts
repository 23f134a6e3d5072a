// Takes mature outcome buckets into the evidence, each exactly once: a bucket that begins before `accumulatedTo` is in and is
// refused, so reading the same buckets again changes nothing. A bucket's counts are final once it is in: a span that comes
// later than the allowed lateness still counts in the database's totals, but not in the evidence, because an e-process may not
// revise a bet after it has been paid.
import type { OutcomeEvidence } from "./evidence.ts";
import { comparisonLogEValues, predictRate } from "./statistics/comparison.ts";
import { BATCH_UNITS, updateDetector } from "./statistics/detector.ts";
import { logLikelihoodRatios } from "./statistics/rate-evidence.ts";
import { addByCohort, addTallies, EMPTY_TALLIES, type ByCohort, type Tally } from "./statistics/tally.ts";

/**
 * Mature outcomes of the units exposed in one bucket, at one age; `earlier`: how many of them had succeeded at the age
 * before already (not given: none, or there is no age before).
 */
export type OutcomeBucket = {
  readonly bucketS: number;
  readonly earlier?: ByCohort<number>;
} & ByCohort<Tally>;

/** What a signal is held against, and whether the feature is kept and watched. */
export type SignalTerms = {
  readonly threshold: number;
  readonly against: "threshold" | "holdout";
  readonly isKept: boolean;
};

const NO_UNITS: ByCohort<number> = { treatment: 0, holdout: 0 };

/** The bets' ln evidence after one more batch. */
export const addLogEValues = (logEvidence: readonly number[], logEValues: readonly number[]): number[] =>
  logEvidence.map((sum, i) => sum + (logEValues[i] ?? 0));

/** The units that had not succeeded at the age before, and those of them that have by this one. */
const stepOf = ({ treatment, holdout, earlier = NO_UNITS }: OutcomeBucket): ByCohort<Tally> => ({
  treatment: { n: treatment.n - earlier.treatment, s: treatment.s - earlier.treatment },
  holdout: { n: holdout.n - earlier.holdout, s: holdout.s - earlier.holdout },
});

/** Adds a bucket to the batch that is filling; a full batch goes to the detector. */
const updateSinceKept = (
  { sinceKept, mature }: Pick<OutcomeEvidence, "sinceKept" | "mature">,
  bucket: ByCohort<Tally>,
  { threshold, against }: SignalTerms,
): OutcomeEvidence["sinceKept"] => {
  const batch = addByCohort(sinceKept.batch, bucket);
  if (batch.treatment.n < BATCH_UNITS) return { ...sinceKept, batch };
  // The bet is about the holdout's rate as it was known before the batch began to fill.
  const holdoutBefore = {
    n: mature.holdout.n - sinceKept.batch.holdout.n,
    s: mature.holdout.s - sinceKept.batch.holdout.s,
  };
  const logEValues =
    against === "holdout"
      ? comparisonLogEValues(batch, predictRate(holdoutBefore))
      : logLikelihoodRatios(batch.treatment, threshold);
  return { detector: updateDetector(sinceKept.detector, logEValues), batch: EMPTY_TALLIES };
};

/** Buckets in rising order; afterwards everything that begins before `upTo` (unix seconds) is in. */
export const accumulateOutcomes = (
  evidence: OutcomeEvidence,
  buckets: readonly OutcomeBucket[],
  upTo: number,
  terms: SignalTerms,
): OutcomeEvidence => {
  let { mature, worseThanHoldout, stepHoldout, sinceKept } = evidence;
  for (const bucket of buckets) {
    if (bucket.bucketS < evidence.accumulatedTo || bucket.bucketS >= upTo) continue;
    if (terms.against === "holdout") {
      const step = stepOf(bucket);
      const logEValues = comparisonLogEValues(step, predictRate(stepHoldout));
      worseThanHoldout = addLogEValues(worseThanHoldout, logEValues);
      stepHoldout = addTallies(stepHoldout, step.holdout);
    }
    if (terms.isKept) sinceKept = updateSinceKept({ sinceKept, mature }, bucket, terms);
    mature = addByCohort(mature, bucket);
  }
  return {
    ...evidence,
    mature,
    worseThanHoldout,
    stepHoldout,
    sinceKept,
    accumulatedTo: Math.max(evidence.accumulatedTo, upTo),
  };
};
