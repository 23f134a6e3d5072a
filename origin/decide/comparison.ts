// Evidence that treatment does worse than holdout. Both arms live through the same afternoon, so what hits the whole
// site cancels. Per batch, with rates fixed before the batch is seen (Turner, Ly & Grünwald, "Generic e-variables for
// exact sequential k-sample tests"). Natural logarithms.
import type { Arms } from "./evidence.ts";
import type { Tally } from "./rate-evidence.ts";

/** Treatment's rate as a part of holdout's. Equal weights. */
export const COMPARED_RATIOS = [0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] as const;

/** Holdout's rate is guessed from the batches before; until there are any, from this many units at `start`. */
const GUESS_UNITS = 20;

const inside = (p: number): number => Math.min(1 - 1e-9, Math.max(1e-9, p));

/** The rate to expect of the holdout: what earlier batches showed, and `start` before there are any. */
export const guessRate = (before: Tally, start: number): number =>
  inside((before.s + GUESS_UNITS * inside(start)) / (before.n + GUESS_UNITS));

/**
 * What one batch adds to ln evidence, for each ratio; `holdoutRate` has to be fixed before the batch is seen. `weight`
 * below 1 tempers it: where up to 1/weight observations belong to one unit and may hang together in any way, their
 * geometric mean is still an e-value (it is at most the arithmetic one).
 */
export const comparisonGains = (
  { treatment, holdout }: Arms<Tally>,
  holdoutRate: number,
  weight = 1,
): number[] => {
  if (treatment.n === 0 || holdout.n === 0) return COMPARED_RATIOS.map(() => 0);
  return COMPARED_RATIOS.map((ratio) => {
    const treatmentRate = inside(ratio * holdoutRate);
    const pooled = (treatment.n * treatmentRate + holdout.n * holdoutRate) / (treatment.n + holdout.n);
    const gain = ({ n, s }: Tally, rate: number) =>
      s * Math.log(rate / pooled) + (n - s) * (Math.log1p(-rate) - Math.log1p(-pooled));
    return weight * (gain(treatment, treatmentRate) + gain(holdout, holdoutRate));
  });
};
