// Evidence that a share is above its bound, robust to bursts: one observation a bucket of time, not one a request.
// Slow requests come in bursts (one stalled database slows a thousand requests), so requests are not independent, and
// counting each as a witness rolled back 75 % of innocent features in simulation. A bucket's share of bad requests is a
// number in [0, 1]; betting on it, weighted by the bucket's requests, is an e-process for "the share of requests is at most the
// bound", whatever happens inside the bucket (Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting").
import type { Tally } from "./tally.ts";

/**
 * Stakes as parts of the largest that cannot go broke (1/bound), on a bucket of the greatest weight; a usual bucket has half of it.
 * Small ones: a burst that spans two buckets makes the second one predictable, which no bet may rely on. With bursts of a minute
 * and buckets of three, usual stakes up to 0.1 reached 1/α seven times as often as α allows at α = 0.0004, up to 0.05 half as
 * often.
 */
export const STAKES = [0.025, 0.05, 0.1] as const;

/** A bound below this would make the largest stake absurd; one bad request in 10,000 is as strict as it gets. */
export const SMALLEST_BOUND = 1e-4;

/** Bad requests in a bucket that is exactly at its bound, in the first day. */
const FIRST_DAY_BAD = 5;

/**
 * Requests that a bucket of the first day has to have for its whole weight. A trial may begin at night, and nobody knows yet how busy
 * the day is: a few slow requests an hour could be all that is ever slow. With λ the largest stake over the bound, evidence is at most
 * λ times the bad requests over this; so it takes ln(bar) · 5 / 0.1 of them at least (500 at a bar of 25,000), whatever the bound.
 */
export const firstDayRequests = (bound: number): number => FIRST_DAY_BAD / Math.max(bound, SMALLEST_BOUND);

/**
 * What one bucket adds to ln evidence, for each stake. `cap`: the requests that have weight, fixed before the bucket is seen; a
 * bucket with fewer weighs less, and of one with more a part is drawn. So the bets are about requests, as the sentence that
 * people read is, and a lonely slow request at night is not worth a busy minute. A bucket without requests, or before any other
 * (`cap` null), adds nothing.
 */
export const shareLogEValues = ({ n, s }: Tally, bound: number, cap: number | null): number[] => {
  if (n === 0 || cap === null) return STAKES.map(() => 0);
  const atMost = Math.max(bound, SMALLEST_BOUND);
  const excess = Math.min(1, n / cap) * (s / n - atMost);
  return STAKES.map((stake) => Math.log1p((stake / atMost) * excess));
};
