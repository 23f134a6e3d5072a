// Bets on a bucket's share of bad requests, worked by hand: a stake c on a bound b multiplies the money by 1 + c/b · (share − b).
import { expect, test } from "vitest";
import { accumulateRequests } from "../../../origin/decide/accumulate-requests.ts";
import { EMPTY_TRAFFIC } from "../../../origin/decide/evidence.ts";
import { logMeanExp } from "../../../origin/decide/statistics/log-sum-exp.ts";
import { shareLogEValues } from "../../../origin/decide/statistics/share-bets.ts";
import { EMPTY_TALLY } from "../../../origin/decide/statistics/tally.ts";

/** Of a usual bucket, which has half of the greatest weight, if nothing else is said. */
const factors = (tally: { n: number; s: number }, bound: number, cap: number | null = 2 * tally.n) =>
  shareLogEValues(tally, bound, cap).map(Math.exp);

test("a bucket of bad requests alone wins each stake's most", () => {
  const found = factors({ n: 40, s: 40 }, 0.05);
  for (const [i, factor] of [1.2375, 1.475, 1.95].entries()) expect(found[i]).toBeCloseTo(factor, 12);
});

test("a bucket without a bad request loses the stake, and one exactly at the bound wins nothing", () => {
  const found = factors({ n: 40, s: 0 }, 0.05);
  for (const [i, factor] of [0.9875, 0.975, 0.95].entries()) expect(found[i]).toBeCloseTo(factor, 12);
  for (const factor of factors({ n: 40, s: 2 }, 0.05)) expect(factor).toBeCloseTo(1, 12);
});

test("a bucket weighs as many times as much as another as it has requests", () => {
  const [small, large] = [
    shareLogEValues({ n: 10, s: 1 }, 0.05, 1000),
    factors({ n: 100, s: 10 }, 0.05, 1000),
  ];
  for (const [i, stake] of [0.025, 0.05, 0.1].entries()) {
    expect(Math.exp(small[i] ?? 0)).toBeCloseTo(1 + (stake / 0.05) * 0.01 * 0.05, 12);
    expect(large[i]).toBeCloseTo(1 + (stake / 0.05) * 0.1 * 0.05, 12);
  }
});

test("of a bucket beyond the cap only the share counts, as if a part of its requests had been drawn", () => {
  expect(factors({ n: 4000, s: 400 }, 0.05, 1000)).toEqual(factors({ n: 1000, s: 100 }, 0.05, 1000));
  expect(factors({ n: 40, s: 40 }, 0.05, 40)[2]).toBeCloseTo(2.9, 12);
});

test("the first bucket only teaches how large buckets are", () => {
  expect(factors({ n: 40, s: 40 }, 0.05, null)).toEqual([1, 1, 1]);
});

test("a bucket without requests bets nothing", () => {
  expect(factors({ n: 0, s: 0 }, 0.05)).toEqual([1, 1, 1]);
});

test("a bound below one in ten thousand is taken for that", () => {
  expect(factors({ n: 100, s: 1 }, 0)).toEqual(factors({ n: 100, s: 1 }, 1e-4));
});

test("when every request is slow the bar of 25,000 : 1 is reached by the 18th bucket", () => {
  const slow = { treatment: { n: 16, s: 16 }, holdout: EMPTY_TALLY };
  let evidence = EMPTY_TRAFFIC;
  let buckets = 0;
  while (logMeanExp(evidence.aboveBound) < Math.log(25_000)) {
    evidence = accumulateRequests(evidence, slow, { threshold: 0.05, against: "threshold", isKept: false });
    buckets++;
  }
  expect(buckets).toBe(18);
});
