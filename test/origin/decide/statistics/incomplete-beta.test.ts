import * as fc from "fast-check";
import { expect, test } from "vitest";
import { betaCdf, logLowerBetaOver } from "../../../../origin/decide/statistics/incomplete-beta.ts";
import values from "../../../spec/statistics.json" with { type: "json" };
import { expectExact, expectNear } from "../../../support/near.ts";

test.each(values.logLowerBetaOver.cases)("the lower part of B($a, $b) at $x", ({ a, b, x, value }) => {
  expectExact(logLowerBetaOver(a, b, x), value);
});

test.each(values.betaCdf.cases)("Beta($a, $b) is at most $x with a chance of $cdf", ({ a, b, x, cdf }) => {
  expectExact(betaCdf(a, b, x), cdf);
});

test("all of a Beta distribution lies between 0 and 1", () => {
  expect(betaCdf(2, 8, 0)).toBe(0);
  expect(betaCdf(2, 8, -0.5)).toBe(0);
  expect(betaCdf(2, 8, 1)).toBe(1);
  expect(betaCdf(2, 8, 1.5)).toBe(1);
  // So far above its mean that nothing is left to the precision of a double.
  expect(betaCdf(2, 800, 0.9)).toBe(1);
  expect(betaCdf(800, 2, 0.1)).toBeLessThan(1e-300);
});

test("what Beta(a, b) has below x, Beta(b, a) has above 1 − x", () => {
  const weight = fc.double({ min: 0.2, max: 1e4, noNaN: true });
  const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(weight, weight, share, (a, b, x) => {
      expectNear(betaCdf(a, b, x) + betaCdf(b, a, 1 - x), 1, 1e-11);
      expect(betaCdf(a, b, x)).toBeLessThanOrEqual(1);
    }),
  );
});

test("a prior that puts everything at one end still has finite parts", () => {
  for (const tiny of [1e-15, 1e-16, 1e-17, 1e-18, 1e-19])
    for (const x of [0.7, 0.8, 0.9, 0.99]) {
      expect(Number.isFinite(logLowerBetaOver(1, tiny, x))).toBe(true);
      expect(Number.isFinite(logLowerBetaOver(tiny, 1, x))).toBe(true);
    }
});
