import { expect, test } from "vitest";
import { SMALLEST_BOUND, STAKES, shareLogEValues } from "../../../../origin/decide/statistics/share-bets.ts";
import values from "../../../spec/statistics.json" with { type: "json" };
import { expectEachExact } from "../../../support/near.ts";

test.each(values.shareBets.cases)("a bucket with $s bad of $n where $p0 may be", ({ n, s, p0, logE }) => {
  expectEachExact(shareLogEValues({ n, s }, p0), logE);
});

test("a bucket without requests adds nothing, and one exactly at its bound neither", () => {
  expect(shareLogEValues({ n: 0, s: 0 }, 0.05)).toEqual([0, 0, 0]);
  expect(shareLogEValues({ n: 20, s: 1 }, 0.05)).toEqual([0, 0, 0]);
});

test("a bound below one in ten thousand is taken as one in ten thousand", () => {
  expect(SMALLEST_BOUND).toBe(0.0001);
  expect(shareLogEValues({ n: 10, s: 1 }, 0)).toEqual(shareLogEValues({ n: 10, s: 1 }, 0.0001));
  expect(shareLogEValues({ n: 10, s: 1 }, 0.0002)).not.toEqual(shareLogEValues({ n: 10, s: 1 }, 0.0001));
});

test("the stakes are the small ones that bursts of two buckets cannot use", () => {
  expect(STAKES).toEqual([0.0125, 0.025, 0.05]);
});
