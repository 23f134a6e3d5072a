import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  addBucketSize,
  requestCap,
  type BucketSizes,
} from "../../../../origin/decide/statistics/bucket-sizes.ts";

const sizesOf = (requests: readonly number[]): BucketSizes =>
  requests.reduce<BucketSizes>((sizes, one) => addBucketSize(sizes, one), []);

test("before the first bucket with requests there is no cap", () => {
  expect(requestCap([])).toBe(null);
  expect(requestCap(sizesOf([0, 0]))).toBe(null);
});

test("a size is counted as the power of 2^(1/8) below it, each once", () => {
  expect(sizesOf([1])).toEqual([[0, 1]]);
  expect(sizesOf([2, 1, 2, 16])).toEqual([
    [0, 1],
    [8, 2],
    [32, 1],
  ]);
});

test("the cap is twice the size that nine in ten of the buckets do not exceed", () => {
  const nine = Array.from({ length: 9 }, () => 16);
  expect(requestCap(sizesOf([...nine, 1024]))).toBe(32);
  expect(requestCap(sizesOf([...nine, 1024, 1024]))).toBe(2048);
  expect(requestCap(sizesOf([4]))).toBe(8);
});

test("the cap is within 9 % of twice the ninetieth percentile, and no order of buckets changes it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 60 }),
      (requests) => {
        const rising = requests.toSorted((one, other) => one - other);
        const usual = rising[Math.ceil(0.9 * rising.length) - 1] ?? 0;
        const cap = requestCap(sizesOf(requests)) ?? 0;
        expect(cap).toBeLessThanOrEqual(2 * usual * (1 + 1e-12));
        expect(cap).toBeGreaterThan((2 * usual) / 2 ** (1 / 8) / (1 + 1e-12));
        expect(requestCap(sizesOf(rising))).toBe(cap);
      },
    ),
  );
});
