// Binomial distributions, exactly: probabilities for the dynamic programme, draws for simulations.
import { logGamma } from "../../origin/decide/statistics/log-gamma.ts";

/** P(k successes of n) for k = 0 … n. */
export const binomialProbabilities = (n: number, p: number): Float64Array =>
  Float64Array.from({ length: n + 1 }, (_, k) => {
    if (p === 0) return k === 0 ? 1 : 0;
    if (p === 1) return k === n ? 1 : 0;
    const ways = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
    return Math.exp(ways + k * Math.log(p) + (n - k) * Math.log1p(-p));
  });

export type Random = () => number;

/** Uniform numbers in [0, 1) from a seed, so that a simulation can be repeated: a Weyl sequence, scrambled. */
export const makeRandom = (seed: number): Random => {
  let state = seed | 0;
  const scramble = (word: number): number => {
    let mixed = Math.imul(word ^ (word >>> 16), 0x7feb352d);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  return () => {
    state = (state + 0x9e3779b9) | 0;
    const high = scramble(state) >>> 5;
    state = (state + 0x9e3779b9) | 0;
    return (high * 2 ** 26 + (scramble(state) >>> 6)) / 2 ** 53;
  };
};

/** Trials drawn in one go: few enough for (1 − p) ** trials not to vanish. */
const AT_ONCE = 100;

const drawFew = (n: number, p: number, random: Random): number => {
  const odds = p / (1 - p);
  let probability = (1 - p) ** n;
  let left = random() - probability;
  let k = 0;
  while (left >= 0 && k < n) {
    k++;
    probability *= (odds * (n - k + 1)) / k;
    left -= probability;
  }
  return k;
};

/** One draw, by going up the distribution: takes about n p steps. */
export const drawBinomial = (n: number, p: number, random: Random): number => {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - drawBinomial(n, 1 - p, random);
  let drawn = 0;
  for (let left = n; left > 0; left -= AT_ONCE) drawn += drawFew(Math.min(left, AT_ONCE), p, random);
  return drawn;
};
