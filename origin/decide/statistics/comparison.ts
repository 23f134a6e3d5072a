// Evidence that treatment does worse than holdout. Both arms live through the same afternoon, so what hits the whole
// site cancels. Per batch, with rates fixed before the batch is seen (Turner, Ly & Grünwald, "Generic e-variables for
// exact sequential k-sample tests"). Natural logarithms.
import type { Arms } from "../evidence.ts";
import { inside, type Tally } from "./rate-evidence.ts";

/** Treatment's rate as a part of holdout's. Equal weights. */
export const COMPARED_RATIOS = [0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] as const;

const LOG_RATIOS = COMPARED_RATIOS.map(Math.log);

/** The rate to expect of the holdout, from what earlier batches showed; null before there are any. */
export const guessRate = ({ n, s }: Tally): number | null => (n <= 0 ? null : inside((s + 0.5) / (n + 1)));

/**
 * The first batch has no earlier ones to guess from, so it is judged on the split of its successes alone: if the arms are
 * alike, treatment's part of them is hypergeometric, which is never more spread out than the binomial that this bets on
 * (Hoeffding). Nearly as strong where success is rare, weaker where it is common.
 */
const splitGain = ({ treatment, holdout }: Arms<Tally>, ratio: number): number => {
  const expected = treatment.n / (treatment.n + holdout.n);
  const bet = (ratio * treatment.n) / (ratio * treatment.n + holdout.n);
  return treatment.s * Math.log(bet / expected) + holdout.s * Math.log((1 - bet) / (1 - expected));
};

/**
 * What one batch adds to ln evidence, for each ratio; `holdoutRate` has to be fixed before the batch is seen. `weight`
 * below 1 tempers it: where up to 1/weight observations belong to one unit and may hang together in any way, their
 * geometric mean is still an e-value (it is at most the arithmetic one).
 */
export const comparisonGains = (
  { treatment, holdout }: Arms<Tally>,
  holdoutRate: number | null,
  weight = 1,
): number[] => {
  if (treatment.n === 0 || holdout.n === 0) return COMPARED_RATIOS.map(() => 0);
  if (holdoutRate === null)
    return COMPARED_RATIOS.map((ratio) => weight * splitGain({ treatment, holdout }, ratio));
  const logHeld = Math.log(holdoutRate);
  const logNotHeld = Math.log1p(-holdoutRate);
  const share = treatment.n / (treatment.n + holdout.n);
  const successes = treatment.s + holdout.s;
  const failures = treatment.n + holdout.n - successes;
  return COMPARED_RATIOS.map((ratio, i) => {
    const rate = ratio * holdoutRate;
    const pooled = share * rate + (1 - share) * holdoutRate;
    const treated =
      treatment.s * (logHeld + (LOG_RATIOS[i] ?? 0)) + (treatment.n - treatment.s) * Math.log1p(-rate);
    const held = holdout.s * logHeld + (holdout.n - holdout.s) * logNotHeld;
    return weight * (treated + held - successes * Math.log(pooled) - failures * Math.log1p(-pooled));
  });
};
