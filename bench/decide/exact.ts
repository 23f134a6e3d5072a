// The exact distribution of the time at which a rule rolls a feature back: a dynamic programme over (users, successes)
// with no simulation error. The rule is asked as a black box, so the bench measures the code that decides in production.
import { binomialProbabilities } from "./binomial.ts";

/** Whether the rule rolls back after n users of whom s succeeded. Fewer successes never make it less likely to. */
export type RollsBack = (n: number, s: number) => boolean;

export type Design = { readonly every: number; readonly upTo: number };

/** For each look, the most successes at which the rule rolls back; −1 where none is few enough. */
export const boundaryOf = (rollsBack: RollsBack, { every, upTo }: Design): Int32Array => {
  const boundary = new Int32Array(upTo / every);
  let most = -1;
  for (let look = 0; look < boundary.length; look++) {
    const n = (look + 1) * every;
    while (most < n && rollsBack(n, most + 1)) most++;
    while (most >= 0 && !rollsBack(n, most)) most--;
    boundary[look] = most;
  }
  return boundary;
};

/** P(rolled back by look 1, 2, …) for a feature with success rate p. */
export const rollbackCurve = (boundary: Int32Array, { every, upTo }: Design, p: number): Float64Array => {
  const step = binomialProbabilities(every, p);
  let alive = new Float64Array(upTo + 1);
  let next = new Float64Array(upTo + 1);
  alive[0] = 1;
  let [low, high] = [0, 0];
  let stopped = 0;
  return Float64Array.from(boundary, (most) => {
    next.fill(0, low, high + every + 1);
    for (let s = low; s <= high; s++) {
      const weight = alive[s] ?? 0;
      if (weight === 0) continue;
      for (let k = 0; k <= every; k++) next[s + k] = (next[s + k] ?? 0) + weight * (step[k] ?? 0);
    }
    high += every;
    for (; low <= most; low++) {
      stopped += next[low] ?? 0;
      next[low] = 0;
    }
    // Tails below anything that is printed, left out to keep the window narrow.
    while (low < high && (next[low] ?? 0) < 1e-17) low++;
    while (high > low && (next[high] ?? 0) < 1e-17) high--;
    next.fill(0, high + 1, high + every + 1);
    [alive, next] = [next, alive];
    return stopped;
  });
};

/** Users at which the curve reaches `share`; null if it never does. */
export const usersAt = (curve: Float64Array, every: number, share: number): number | null => {
  const look = curve.findIndex((probability) => probability >= share);
  return look < 0 ? null : (look + 1) * every;
};
