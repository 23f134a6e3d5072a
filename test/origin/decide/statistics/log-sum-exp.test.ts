import * as fc from "fast-check";
import { expect, test } from "vitest";
import { logMeanExp, logSumExp } from "../../../../origin/decide/statistics/log-sum-exp.ts";
import { expectNear } from "../../../support/near.ts";

test("the logarithm of 1 + 2 + 3 comes from the logarithms of 1, 2 and 3", () => {
  expectNear(logSumExp([Math.log(1), Math.log(2), Math.log(3)]), Math.log(6), 1e-15);
  expectNear(logMeanExp([Math.log(1), Math.log(2), Math.log(3)]), Math.log(2), 1e-15);
});

test("numbers whose exponentials overflow or vanish still have a sum", () => {
  expect(logSumExp([1_000, 1_000])).toBe(1_000 + Math.LN2);
  expect(logSumExp([-1_000, -1_000])).toBe(-1_000 + Math.LN2);
  expect(logSumExp([1_000, -1_000])).toBe(1_000);
});

test("an impossible component adds nothing, and only impossible ones are impossible", () => {
  expect(logSumExp([-Infinity, 3])).toBe(3);
  expect(logSumExp([-Infinity, -Infinity])).toBe(-Infinity);
  expect(logSumExp([])).toBe(-Infinity);
});

test("a certain component makes the sum certain", () => {
  expect(logSumExp([Infinity, 3, -Infinity])).toBe(Infinity);
});

test("the mean lies between the smallest and the largest component, and does not depend on their order", () => {
  const terms = fc.array(fc.double({ min: -500, max: 500, noNaN: true }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(terms, (some) => {
      const mean = logMeanExp(some);
      expect(mean).toBeGreaterThanOrEqual(Math.min(...some) - 1e-9);
      expect(mean).toBeLessThanOrEqual(Math.max(...some) + 1e-9);
      expectNear(logMeanExp(some.toReversed()), mean, 1e-9);
    }),
  );
});
