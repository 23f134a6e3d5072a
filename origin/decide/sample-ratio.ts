// Whether the cohorts have the sizes that the rollout gives them. If not, units are lost on the way on one side (a
// crash, a cache, a filter), and every comparison and rate is about the wrong people.
import { logGamma } from "./log-gamma.ts";

/** Weight of the expected ratio in the Dirichlet prior: how small a deviation is looked for. */
const CONCENTRATION = 100;

/** At this evidence nothing is decided any more. */
export const MISMATCH_LOG_BAR = Math.log(1000);

/** ln evidence that `counts` do not come in the ratio of `shares` (Dirichlet-multinomial e-process). */
export const mismatchLogEvidence = (counts: readonly number[], shares: readonly number[]): number => {
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce(
    (sum, count, i) => {
      const share = (shares[i] ?? 0) / whole;
      const weight = CONCENTRATION * share;
      return sum + logGamma(weight + count) - logGamma(weight) - count * Math.log(share);
    },
    logGamma(CONCENTRATION) - logGamma(CONCENTRATION + total),
  );
};
