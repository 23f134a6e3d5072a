// Binomial distributions, exactly: probabilities for the dynamic programme, draws for simulations.
import { logGamma } from "../../origin/decide/log-gamma.ts";

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

const tables = new Map<number, Map<number, Float64Array>>();

const cumulativeOf = (n: number, p: number): Float64Array => {
  const byN = tables.get(p) ?? new Map<number, Float64Array>();
  tables.set(p, byN);
  const known = byN.get(n);
  if (known !== undefined) return known;
  let sum = 0;
  const table = binomialProbabilities(n, p).map((probability) => (sum += probability));
  byN.set(n, table);
  return table;
};

/** One draw, by looking up the cumulative distribution; tables are kept, so draw from few different (n, p). */
export const drawBinomial = (n: number, p: number, random: Random): number => {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  const table = cumulativeOf(n, p);
  const u = random();
  let [low, high] = [0, n];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((table[middle] ?? 1) > u) high = middle;
    else low = middle + 1;
  }
  return low;
};
