// Intervals for the screen that hold at every look at once (confidence sequences), unlike the textbook's, which hold at
// one look chosen beforehand.
import { betaLogEvidenceBothWays } from "./beta-evidence.ts";
import type { Tally } from "./tally.ts";

export type Interval = { readonly lower: number; readonly upper: number };

/** Variance at which a mixture tuned for `v` is tightest (Howard, Ramdas, McAuliffe & Sekhon, "Time-uniform…"). */
const tunedTo = (v: number, alpha: number): number =>
  v / (2 * Math.log(1 / alpha) + Math.log(1 + 2 * Math.log(1 / alpha)));

/** The Beta prior with mean `p` that is tightest after `units` units at `alpha`. */
export const tunedPrior = (p: number, units: number, alpha: number): { alpha: number; beta: number } => {
  const variance = p * (1 - p);
  const weight = Math.max(1e-3 * variance, tunedTo(units * variance, alpha) - variance);
  return { alpha: weight / (1 - p), beta: weight / p };
};

const STEPS = 40;

/** Where `isInside` changes between a point inside and one outside. */
const edge = (inside: number, outside: number, isInside: (p: number) => boolean): number => {
  let [within, beyond] = [inside, outside];
  for (let step = 0; step < STEPS; step++) {
    const middle = (within + beyond) / 2;
    if (isInside(middle)) within = middle;
    else beyond = middle;
  }
  return (within + beyond) / 2;
};

/**
 * Rates that the tally does not refute at level `alpha`, whenever one looks; tightest around `tightAt` units.
 * [0, 1] before the first unit.
 */
export const rateInterval = (
  tally: Tally,
  { alpha, tightAt }: { alpha: number; tightAt: number },
): Interval => {
  const bar = Math.log(1 / alpha);
  const isInside = (p: number) => betaLogEvidenceBothWays(tally, p, tunedPrior(p, tightAt, 0.05)) < bar;
  const middle = Math.min(1 - 1e-9, Math.max(1e-9, tally.s / tally.n));
  return {
    lower: tally.s <= 0 ? 0 : edge(middle, 0, isInside),
    upper: tally.s >= tally.n ? 1 : edge(middle, 1, isInside),
  };
};

/**
 * Relative lift of treatment's rate over holdout's (0.1: ten percent more), valid at every look for large samples; null
 * without a holdout rate to divide by. Tightest around `tightAt` units in both cohorts together.
 */
export const liftInterval = (
  treatment: Tally,
  holdout: Tally,
  { alpha, tightAt }: { alpha: number; tightAt: number },
): Interval | null => {
  if (treatment.n === 0 || holdout.s <= 0) return null;
  const [t, h] = [treatment.s / treatment.n, holdout.s / holdout.n];
  const n = treatment.n + holdout.n;
  const variance = (t * (1 - t)) / treatment.n / h ** 2 + ((h * (1 - h)) / holdout.n) * (t ** 2 / h ** 4);
  const rhoSquared = 1 / tunedTo(tightAt, alpha);
  const spread = n * rhoSquared + 1;
  const half = Math.sqrt(
    (variance * n * 2 * spread * Math.log(Math.sqrt(spread) / alpha)) / (n * n * rhoSquared),
  );
  const lift = t / h - 1;
  return { lower: lift - half, upper: lift + half };
};
