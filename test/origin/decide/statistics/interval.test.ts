import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { betaLogEvidenceBothWays } from "../../../../origin/decide/statistics/beta-evidence.ts";
import { liftInterval, rateInterval, tunedPrior } from "../../../../origin/decide/statistics/interval.ts";
import { expectNear } from "../../../support/near.ts";

const options = { alpha: 0.05, tightAt: 200 };

describe("the interval of a rate", () => {
  test("is everything before the first unit", () => {
    expect(rateInterval({ n: 0, s: 0 }, options)).toEqual({ lower: 0, upper: 1 });
  });

  test("begins at 0 while nothing has succeeded, and ends at 1 while everything has", () => {
    expect(rateInterval({ n: 100, s: 0 }, options).lower).toBe(0);
    expect(rateInterval({ n: 100, s: 0 }, options).upper).toBeLessThan(0.06);
    expect(rateInterval({ n: 100, s: 100 }, options).upper).toBe(1);
    expect(rateInterval({ n: 100, s: 100 }, options).lower).toBeGreaterThan(0.94);
  });

  test("ends where the evidence against a rate reaches the bar, on both sides", () => {
    const tally = fc
      .tuple(fc.integer({ min: 100, max: 10_000 }), fc.double({ min: 0.05, max: 0.95, noNaN: true }))
      .map(([n, rate]) => ({ n, s: Math.round(n * rate) }));
    fc.assert(
      fc.property(tally, fc.constantFrom(0.2, 0.05, 0.001), (seen, alpha) => {
        const { lower, upper } = rateInterval(seen, { alpha, tightAt: seen.n });
        for (const edge of [lower, upper])
          expectNear(
            betaLogEvidenceBothWays(seen, edge, tunedPrior(edge, seen.n, 0.05)),
            Math.log(1 / alpha),
            1e-5,
          );
        expect(lower).toBeLessThan(seen.s / seen.n);
        expect(upper).toBeGreaterThan(seen.s / seen.n);
      }),
    );
  });

  test("is that of the failures turned round", () => {
    const successes = rateInterval({ n: 300, s: 60 }, options);
    const failures = rateInterval({ n: 300, s: 240 }, options);
    expectNear(successes.lower, 1 - failures.upper, 1e-9);
    expectNear(successes.upper, 1 - failures.lower, 1e-9);
  });
});

describe("the prior of an interval", () => {
  test("has the rate as its mean, and grows with the units at which it is tightest", () => {
    for (const units of [1, 10, 1_000]) {
      const { alpha, beta } = tunedPrior(0.2, units, 0.05);
      expectNear(alpha / (alpha + beta), 0.2, 1e-12);
    }
    // v / (2 ln 20 + ln(1 + 2 ln 20)) with v = 1000 · 0.16, less 0.16, over the variance: 125.5…
    const { alpha, beta } = tunedPrior(0.2, 1_000, 0.05);
    expectNear(alpha + beta, 1_000 / (2 * Math.log(20) + Math.log(1 + 2 * Math.log(20))) - 1, 1e-9);
  });

  test("never vanishes: a thousandth of a unit at least", () => {
    const { alpha, beta } = tunedPrior(0.5, 1, 0.05);
    expectNear(alpha + beta, 1e-3, 1e-15);
  });
});

describe("the interval of a lift", () => {
  test("needs units in both cohorts and a success in the holdout", () => {
    const some = { n: 100, s: 30 };
    expect(liftInterval({ n: 0, s: 0 }, some, options)).toBe(null);
    expect(liftInterval(some, { n: 0, s: 0 }, options)).toBe(null);
    expect(liftInterval(some, { n: 100, s: 0 }, options)).toBe(null);
  });

  test("is there as soon as they are, also where treatment has no success", () => {
    const some = { n: 100, s: 30 };
    expect(liftInterval({ n: 100, s: 0 }, some, options)?.upper).toBeLessThan(0);
    expect(liftInterval({ n: 1, s: 1 }, some, options)).not.toBe(null);
    expect(liftInterval(some, { n: 100, s: 1 }, options)).not.toBe(null);
    expect(liftInterval(some, { n: 1, s: 1 }, options)).not.toBe(null);
  });

  test("lies around the difference that was seen, as far below as above", () => {
    const { lower, upper } = liftInterval({ n: 4_000, s: 1_200 }, { n: 1_000, s: 200 }, options)!;
    expectNear((lower + upper) / 2, 0.5, 1e-12);
    expect(lower).toBeGreaterThan(0);
  });
});
