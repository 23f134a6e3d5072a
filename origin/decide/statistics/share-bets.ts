// Evidence that a share is above its bound, robust to bursts: one observation a bucket of time, not one a request.
// Slow requests come in bursts (one stalled database slows a thousand requests), so requests are not independent, and
// counting each as a witness rolled back 75 % of innocent features in simulation. A bucket's share of bad requests is a
// number in [0, 1] with mean at most the bound, whatever happens inside the bucket; betting on it is an e-process
// (Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting").
import type { Tally } from "./tally.ts";

/**
 * Stakes as parts of the largest that cannot go broke (1/bound). Small ones: a burst that spans two buckets makes the second
 * one predictable, which no bet may rely on. With bursts of a minute and buckets of three, stakes up to 0.1 reached 1/α seven
 * times as often as α allows at α = 0.0004, up to 0.05 half as often.
 */
export const STAKES = [0.0125, 0.025, 0.05] as const;

/** A bound below this would make the largest stake absurd; one bad request in 10,000 is as strict as it gets. */
export const SMALLEST_BOUND = 1e-4;

/** What one bucket adds to ln evidence, for each stake; a bucket without requests adds nothing. */
export const shareLogEValues = ({ n, s }: Tally, bound: number): number[] => {
  if (n === 0) return STAKES.map(() => 0);
  const atMost = Math.max(bound, SMALLEST_BOUND);
  return STAKES.map((stake) => Math.log1p((stake / atMost) * (s / n - atMost)));
};
