// Pauses between attempts, so that many who fail together do not come back together.

/**
 * The pause before the next attempt, in ms: doubling from `firstMs` to `mostMs`, and up to half of it taken off at
 * random. `random` gives a number from 0 to 1.
 */
export const backoffMs = (
  attempts: number,
  { firstMs, mostMs }: { firstMs: number; mostMs: number },
  random: () => number = Math.random,
): number => Math.min(mostMs, firstMs * 2 ** attempts) * (0.5 + random() / 2);
