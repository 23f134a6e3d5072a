import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  clampProbability,
  gridLogEvidence,
  gridLogKeepEvidence,
  logLikelihoodRatios,
} from "../../../../origin/decide/statistics/rate-evidence.ts";
import values from "../../../spec/statistics.json" with { type: "json" };
import { expectExact, expectNear } from "../../../support/near.ts";

test.each(values.gridRollback.cases)("$s of $n are evidence against at least $p0", ({ n, s, p0, logE }) => {
  expectExact(gridLogEvidence({ n, s }, p0), logE);
});

test.each(values.gridKeep.cases)("$s of $n are evidence against at most $p0", ({ n, s, p0, logE }) => {
  expectExact(gridLogKeepEvidence({ n, s }, p0), logE);
});

describe("a threshold that was asked about before", () => {
  test("gives the same evidence as at first, however many others came between", () => {
    const tally = { n: 40, s: 5 };
    const first = [gridLogEvidence(tally, 0.15), gridLogKeepEvidence(tally, 0.15)];
    for (let i = 1; i <= 600; i++) gridLogEvidence(tally, i / 1_000);
    expect([gridLogEvidence(tally, 0.15), gridLogKeepEvidence(tally, 0.15)]).toEqual(first);
  });
});

test("each ratio of the grid is a fair bet: by exact count it is expected to multiply by 1 at the threshold", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 0.99, noNaN: true }), (p0) => {
      const success = logLikelihoodRatios({ n: 1, s: 1 }, p0);
      const failure = logLikelihoodRatios({ n: 1, s: 0 }, p0);
      expect(success).toHaveLength(10);
      for (const [i, one] of success.entries())
        expectNear(p0 * Math.exp(one) + (1 - p0) * Math.exp(failure[i] ?? Number.NaN), 1, 1e-12);
    }),
  );
});

test("the evidence for keeping is a fair bet at the threshold, too", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 0.99, noNaN: true }), (p0) => {
      const after = (s: number) => Math.exp(gridLogKeepEvidence({ n: 1, s }, p0));
      expectNear(p0 * after(1) + (1 - p0) * after(0), 1, 1e-12);
    }),
  );
});

test("a threshold of 0 or 1 is taken as one a billionth inside", () => {
  expect(clampProbability(0)).toBe(1e-9);
  expect(clampProbability(-3)).toBe(1e-9);
  expect(clampProbability(1)).toBe(1 - 1e-9);
  expect(clampProbability(0.15)).toBe(0.15);
  expect(gridLogEvidence({ n: 5, s: 5 }, 0)).toBeLessThan(0);
  expect(gridLogEvidence({ n: 5, s: 4 }, 1)).toBeGreaterThan(10);
});
