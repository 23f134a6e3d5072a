// Takes mature outcome buckets into the evidence, each exactly once: a bucket that begins before `accumulatedTo` is in and is
// refused, so reading the same buckets again changes nothing. A bucket's counts are final once it is in: a span that comes
// later than the allowed lateness still counts in the database's totals, but not in the evidence, because an e-process may not
// revise a bet after it has been paid.
import type { Against } from "../../shared/features/rule.ts";
import type { OutcomeEvidence, SinceKept } from "./evidence.ts";
import { comparisonLogEValues, predictRate, soleLogEValue } from "./statistics/comparison.ts";
import { BATCH_UNITS, logAlarm, updateDetector } from "./statistics/detector.ts";
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
  readonly against: Against;
  readonly isKept: boolean;
};

/** Treatment units after which an older one counts a third of a new one in what is recent. */
const RECENT_UNITS = 1_000;

const NO_UNITS: ByCohort<number> = { treatment: 0, holdout: 0 };

/** The bets' ln evidence after one more batch. */
export const addLogEValues = (logEvidence: readonly number[], logEValues: readonly number[]): number[] =>
  logEvidence.map((sum, i) => sum + (logEValues[i] ?? 0));

/** The units that had not succeeded at the age before, and those of them that have by this one. */
const stepOf = ({ treatment, holdout, earlier = NO_UNITS }: OutcomeBucket): ByCohort<Tally> => ({
  treatment: { n: treatment.n - earlier.treatment, s: treatment.s - earlier.treatment },
  holdout: { n: holdout.n - earlier.holdout, s: holdout.s - earlier.holdout },
});

/** The ln e-values of one batch: against the threshold, beside the holdout, or each. */
export type BatchLogEValues = {
  readonly below: readonly number[] | null;
  readonly beside: readonly number[] | null;
};

/**
 * Takes a batch into the detector, which is about the threshold, or under a comparison alone about the holdout. Where both are
 * asked for, the evidence beside the holdout starts with each run of the detector: so a run that a misfortune of everybody begins
 * is blamed on the feature with a chance of at most one over its bar.
 */
export const updateSinceKept = (
  { detector, besideHoldout, run }: SinceKept,
  batch: ByCohort<Tally>,
  { below, beside }: BatchLogEValues,
): SinceKept => {
  const isNew = logAlarm(detector) <= 0;
  return {
    run: isNew ? batch : addByCohort(run, batch),
    detector: updateDetector(detector, below ?? beside ?? []),
    besideHoldout:
      below === null || beside === null ? [] : isNew ? [...beside] : addLogEValues(besideHoldout, beside),
  };
};

const fade = (recent: Tally, { n, s }: Tally): Tally => {
  const kept = Math.exp(-n / RECENT_UNITS);
  return { n: recent.n * kept + n, s: recent.s * kept + s };
};

/** Adds a bucket to the batch that is filling; a full batch goes to the detector. */
const fillBatch = (
  { sinceKept, mature }: Pick<OutcomeEvidence, "sinceKept" | "mature">,
  bucket: ByCohort<Tally>,
  { threshold, against }: SignalTerms,
): OutcomeEvidence["sinceKept"] => {
  const batch = addByCohort(sinceKept.batch, bucket);
  const recent = fade(sinceKept.recent, bucket.treatment);
  if (batch.treatment.n < BATCH_UNITS) return { ...sinceKept, batch, recent };
  // The bet is about the holdout's rate as it was known before the batch began to fill.
  const holdoutBefore = {
    n: mature.holdout.n - sinceKept.batch.holdout.n,
    s: mature.holdout.s - sinceKept.batch.holdout.s,
  };
  const logEValues = {
    below: against === "holdout" ? null : logLikelihoodRatios(batch.treatment, threshold),
    beside: against === "threshold" ? null : comparisonLogEValues(batch, predictRate(holdoutBefore)),
  };
  return { ...updateSinceKept(sinceKept, batch, logEValues), batch: EMPTY_TALLIES, recent };
};

/**
 * Buckets in rising order; afterwards everything that begins before `upTo` (unix seconds) is in. `isUsual`: whether units came as
 * ever in the bucket and while they could succeed. A kept feature whose holdout says nothing is held to account
 * for such buckets alone.
 */
export const accumulateOutcomes = (
  evidence: OutcomeEvidence,
  buckets: readonly OutcomeBucket[],
  upTo: number,
  terms: SignalTerms,
  isUsual: (bucket: OutcomeBucket) => boolean = () => true,
): OutcomeEvidence => {
  let { mature, worseThanHoldout, stepHoldout, onlyTreatment, sinceKept } = evidence;
  const isCompared = terms.against !== "threshold";
  for (const bucket of buckets) {
    if (bucket.bucketS < evidence.accumulatedTo || bucket.bucketS >= upTo) continue;
    if (isCompared) {
      const step = stepOf(bucket);
      const logEValues = comparisonLogEValues(step, predictRate(stepHoldout));
      worseThanHoldout = addLogEValues(worseThanHoldout, logEValues);
      stepHoldout = addTallies(stepHoldout, step.holdout);
      onlyTreatment += soleLogEValue(bucket);
    }
    const saysSomething = isCompared && mature.holdout.s + bucket.holdout.s > 0;
    if (terms.isKept && (saysSomething || isUsual(bucket)))
      sinceKept = fillBatch({ sinceKept, mature }, bucket, terms);
    mature = addByCohort(mature, bucket);
  }
  return {
    ...evidence,
    mature,
    worseThanHoldout,
    stepHoldout,
    onlyTreatment,
    sinceKept,
    accumulatedTo: Math.max(evidence.accumulatedTo, upTo),
  };
};
