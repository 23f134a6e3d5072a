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

/**
 * ln evidence after one more batch, for each ratio. `before` is what earlier batches held, `start` the rate to guess
 * with at first. `weight` below 1 tempers the batch: where up to 1/weight observations belong to one unit and may hang
 * together in any way, their geometric mean is still an e-value (it is at most the arithmetic one).
 */
export const foldComparison = (
  logE: readonly number[],
  batch: Arms<Tally>,
  before: Arms<Tally>,
  { start, weight = 1 }: { start: number; weight?: number },
): number[] => {
  const { treatment, holdout } = batch;
  if (treatment.n === 0 || holdout.n === 0) return [...logE];
  const holdoutRate = inside(
    (before.holdout.s + GUESS_UNITS * inside(start)) / (before.holdout.n + GUESS_UNITS),
  );
  return logE.map((sum, i) => {
    const treatmentRate = inside((COMPARED_RATIOS[i] ?? 1) * holdoutRate);
    const pooled = (treatment.n * treatmentRate + holdout.n * holdoutRate) / (treatment.n + holdout.n);
    const gain = (tally: Tally, rate: number) =>
      tally.s * Math.log(rate / pooled) + (tally.n - tally.s) * (Math.log1p(-rate) - Math.log1p(-pooled));
    return sum + weight * (gain(treatment, treatmentRate) + gain(holdout, holdoutRate));
  });
};
