// Evidence about a rate against its threshold; the numbers are computed by mpmath at 40 digits.
import { describe, expect, test } from "vitest";
import {
  clampProbability,
  gridLogEvidence,
  gridLogKeepEvidence,
  logLikelihoodRatios,
} from "../../../origin/decide/statistics/rate-evidence.ts";

describe("evidence against a rate that meets its threshold", () => {
  test.each([
    { n: 100, s: 5, p0: 0.15, logE: 3.919287310267896 },
    { n: 1000, s: 120, p0: 0.15, logE: 2.649034497459853 },
    { n: 4500, s: 504, p0: 0.15, logE: 25.67589160737398 },
    { n: 350, s: 26, p0: 0.15, logE: 7.951449256562499 },
    { n: 5000, s: 750, p0: 0.15, logE: -3.4083719948769065 },
    { n: 2000, s: 10, p0: 0.02, logE: 14.209692310276845 },
  ])("of $s in $n against $p0 it is $logE", ({ n, s, p0, logE }) => {
    expect(gridLogEvidence({ n, s }, p0)).toBeCloseTo(logE, 9);
  });

  test("before the first unit the bettor's money is what he began with", () => {
    expect(gridLogEvidence({ n: 0, s: 0 }, 0.15)).toBeCloseTo(0, 12);
    expect(gridLogKeepEvidence({ n: 0, s: 0 }, 0.15)).toBeCloseTo(0, 12);
  });
});

test.each([
  { n: 60, s: 18, p0: 0.15, logE: 3.195735586883104 },
  { n: 1000, s: 220, p0: 0.15, logE: 15.175755531423283 },
  { n: 100, s: 4, p0: 0.02, logE: 0.47864066837202357 },
  { n: 330, s: 10, p0: 0.05, logE: -1.7670123659757047 },
])("evidence of $s in $n that the rate is above $p0 is $logE", ({ n, s, p0, logE }) => {
  expect(gridLogKeepEvidence({ n, s }, p0)).toBeCloseTo(logE, 9);
});

test("each alternative's likelihood ratio is that of its rate: one success in two at 30 % and 95 % of 0.2", () => {
  const ratios = logLikelihoodRatios({ n: 2, s: 1 }, 0.2);
  expect(ratios).toHaveLength(10);
  expect(ratios[0]).toBeCloseTo(Math.log((0.06 * 0.94) / (0.2 * 0.8)), 12);
  expect(ratios[9]).toBeCloseTo(Math.log((0.19 * 0.81) / (0.2 * 0.8)), 12);
});

test("thresholds of 0 and 1 have finite evidence", () => {
  expect(clampProbability(0)).toBe(1e-9);
  expect(clampProbability(1)).toBe(1 - 1e-9);
  expect(clampProbability(0.4)).toBe(0.4);
  for (const p0 of [0, 1]) {
    expect(Number.isFinite(gridLogEvidence({ n: 10, s: 5 }, p0))).toBe(true);
    expect(Number.isFinite(gridLogKeepEvidence({ n: 10, s: 5 }, p0))).toBe(true);
  }
});
