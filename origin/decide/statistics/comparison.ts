// Evidence that treatment does worse than holdout. Both cohorts live through the same afternoon, so a cause that hits the whole
// site cancels. Each batch is a bet at rates that were fixed before the batch was seen (Turner, Ly & Grünwald, "Generic
// e-variables for exact sequential k-sample tests"). Natural logarithms.
import { clampProbability } from "./rate-evidence.ts";
import type { ByCohort, Tally } from "./tally.ts";

/** Treatment's rate as a part of holdout's. Equal weights. */
export const COMPARED_RATIOS = [0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] as const;

const LOG_RATIOS = COMPARED_RATIOS.map(Math.log);

/** The rate to expect of the holdout, from earlier batches; null before there are any. */
export const predictRate = ({ n, s }: Tally): number | null =>
  n <= 0 ? null : clampProbability((s + 0.5) / (n + 1));

/**
 * The first batch has no earlier ones to predict from, so it is judged on the split of its successes alone: if the cohorts are
 * alike, treatment's part of them is hypergeometric, which is never more spread out than the binomial that this bets on
 * (Hoeffding). Nearly as strong where success is rare, weaker where it is common.
 */
const splitLogEValue = ({ treatment, holdout }: ByCohort<Tally>, ratio: number): number => {
  const expected = treatment.n / (treatment.n + holdout.n);
  const bet = (ratio * treatment.n) / (ratio * treatment.n + holdout.n);
  return treatment.s * Math.log(bet / expected) + holdout.s * Math.log((1 - bet) / (1 - expected));
};

/**
 * What one batch adds to ln evidence that the holdout cannot succeed at all: a bet that every success is treatment's. If the
 * cohorts are alike, that happens no more often than this pays (as in `splitLogEValue`). It is worth nothing, and needs no
 * number, once a unit of the holdout has succeeded.
 */
export const soleLogEValue = ({ treatment, holdout }: ByCohort<Tally>): number =>
  treatment.n === 0 ? 0 : treatment.s * Math.log((treatment.n + holdout.n) / treatment.n);

/**
 * What one batch adds to ln evidence, for each ratio; `holdoutRate` has to be fixed before the batch is seen. `weight`
 * below 1 tempers it: where up to 1/weight observations belong to one unit and may depend on each other in any way, their
 * geometric mean is still an e-value (it is at most the arithmetic one).
 */
export const comparisonLogEValues = (
  { treatment, holdout }: ByCohort<Tally>,
  holdoutRate: number | null,
  weight = 1,
): number[] => {
  if (treatment.n === 0 || holdout.n === 0) return COMPARED_RATIOS.map(() => 0);
  if (holdoutRate === null)
    return COMPARED_RATIOS.map((ratio) => weight * splitLogEValue({ treatment, holdout }, ratio));
  const logSuccess = Math.log(holdoutRate);
  const logFailure = Math.log1p(-holdoutRate);
  const share = treatment.n / (treatment.n + holdout.n);
  const successes = treatment.s + holdout.s;
  const failures = treatment.n + holdout.n - successes;
  return COMPARED_RATIOS.map((ratio, i) => {
    const rate = ratio * holdoutRate;
    const pooled = share * rate + (1 - share) * holdoutRate;
    const ofTreatment =
      treatment.s * (logSuccess + (LOG_RATIOS[i] ?? 0)) + (treatment.n - treatment.s) * Math.log1p(-rate);
    const ofHoldout = holdout.s * logSuccess + (holdout.n - holdout.s) * logFailure;
    return weight * (ofTreatment + ofHoldout - successes * Math.log(pooled) - failures * Math.log1p(-pooled));
  });
};
