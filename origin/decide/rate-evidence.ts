// Evidence about a rate against its threshold, from counts alone: an e-process, which may be looked at as often as one
// likes. If the rate meets the threshold, P(the evidence ever reaches 1/α) ≤ α (Ville's inequality), for any schedule
// of looks. Natural logarithms throughout.
import { logMeanExp } from "./log-sum-exp.ts";

/** Alternatives as parts of the threshold: from "a third of it" to "just below". Equal weights. */
const RATIOS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] as const;

/** `n` units of which `s` succeeded; `s` may be fractional where a unit counts as a share. */
export type Tally = { readonly n: number; readonly s: number };

/** Thresholds of exactly 0 or 1 have no likelihood ratio; this close to them the answer is the same. */
export const inside = (p: number): number => Math.min(1 - 1e-9, Math.max(1e-9, p));

const LOG_RATIOS = RATIOS.map(Math.log);

/** What a success (`LOG_RATIOS`) and a failure (this) weigh at each ratio of the threshold. */
const failureWeights = (threshold: number): number[] => {
  const base = Math.log1p(-threshold);
  return RATIOS.map((ratio) => Math.log1p(-ratio * threshold) - base);
};

/** ln likelihood ratio of each of RATIOS against the threshold. */
export const logLikelihoodRatios = ({ n, s }: Tally, p0: number): number[] =>
  failureWeights(inside(p0)).map((weight, i) => s * (LOG_RATIOS[i] ?? 0) + (n - s) * weight);

/** ln evidence against "the rate is at least `p0`", mixed over RATIOS. */
export const gridLogEvidence = (tally: Tally, p0: number): number =>
  logMeanExp(logLikelihoodRatios(tally, p0));

/** The tally of the opposite outcome: failures become successes. */
export const mirrored = ({ n, s }: Tally): Tally => ({ n, s: n - s });

/**
 * ln evidence against "the rate is at most `p0`", mixed over rates whose odds are those of `p0` divided by each of RATIOS.
 * (Mirroring the grid itself, as a test of the failures, has no alternative between 2 % and 6.9 %: a feature at twice a
 * threshold of 2 % would never be kept.)
 */
export const gridLogKeepEvidence = ({ n, s }: Tally, p0: number): number => {
  const threshold = inside(p0);
  return logMeanExp(
    LOG_RATIOS.map((logRatio, i) => {
      // q = p0 / (p0 + r (1 − p0)); ln(q/p0) and ln((1−q)/(1−p0)) differ by ln r
      const logSuccess = -Math.log(threshold + (RATIOS[i] ?? 1) * (1 - threshold));
      return n * logSuccess + (n - s) * logRatio;
    }),
  );
};
