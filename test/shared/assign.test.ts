import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BUCKETS, bucketOf, cohortOf } from "../../shared/features/assign.ts";
import cases from "../spec/assign.json" with { type: "json" };

type Case = {
  featureId: string;
  unitId: string;
  rolloutBps: number;
  holdoutBps: number;
  bucket: number;
  cohort: string;
};

test.each(cases as Case[])("$featureId for $unitId is $cohort (bucket $bucket)", (each) => {
  const bucket = bucketOf(each.featureId, each.unitId);
  expect(bucket).toBe(each.bucket);
  expect(cohortOf(each, bucket)).toBe(each.cohort);
});

const featureId = fc.stringMatching(/^[A-Za-z0-9_.:/-]{1,128}$/);
const unitId = fc.string({ minLength: 1, maxLength: 64, unit: "grapheme" });
const shares = fc
  .tuple(fc.integer({ min: 0, max: BUCKETS }), fc.integer({ min: 0, max: BUCKETS }))
  .map(([a, b]) => ({ rolloutBps: Math.min(a, b), holdoutBps: BUCKETS - Math.max(a, b) }));

test("the same unit and feature always give the same bucket, between 0 and 9999", () => {
  fc.assert(
    fc.property(featureId, unitId, (feature, unit) => {
      const bucket = bucketOf(feature, unit);
      expect(bucketOf(feature, unit)).toBe(bucket);
      expect(Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS).toBe(true);
    }),
  );
});

test("lowering the rollout only takes the feature away, and raising it again brings back the same units", () => {
  fc.assert(
    fc.property(featureId, unitId, shares, fc.nat(BUCKETS), (id, unit, share, less) => {
      const lowered = { ...share, rolloutBps: Math.max(0, share.rolloutBps - less) };
      const bucket = bucketOf(id, unit);
      const [before, during, after] = [share, lowered, share].map((each) =>
        cohortOf({ featureId: id, ...each }, bucket),
      );
      expect(before === "treatment" ? ["treatment", "off"] : [before]).toContain(during);
      expect(after).toBe(before);
    }),
  );
});

test("raising the rollout moves nobody out of treatment and nobody from holdout", () => {
  fc.assert(
    fc.property(featureId, unitId, shares, fc.nat(BUCKETS), (id, unit, share, more) => {
      const raised = { ...share, rolloutBps: Math.min(BUCKETS - share.holdoutBps, share.rolloutBps + more) };
      const bucket = bucketOf(id, unit);
      const before = cohortOf({ featureId: id, ...share }, bucket);
      const after = cohortOf({ featureId: id, ...raised }, bucket);
      expect(before === "off" ? ["off", "treatment"] : [before]).toContain(after);
    }),
  );
});

/** Upper 0.1 % point of chi-square by Wilson and Hilferty's approximation. */
const criticalChiSquare = (degrees: number): number => {
  const z = 3.0902;
  const term = 2 / (9 * degrees);
  return degrees * (1 - term + z * Math.sqrt(term)) ** 3;
};

const UNITS = Array.from({ length: 100_000 }, (_, i) => `unit-${i}`);

test("buckets are uniform over 100,000 units", () => {
  const counts = Array.from({ length: 100 }, () => 0);
  for (const unit of UNITS) counts[Math.floor(bucketOf("feat_smart_recs_v1", unit) / 100)]! += 1;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
  expect(chiSquare).toBeLessThan(criticalChiSquare(99));
});

test.each([
  ["feat_a", "feat_b"],
  ["feat_smart_recs_v1", "feat_smart_recs_v2"],
  ["checkout", "checkout-express"],
])("%s and %s are independent over 100,000 units", (one, other) => {
  const rows = 10;
  const table = Array.from({ length: rows * rows }, () => 0);
  const rowOf = (feature: string, unit: string) => Math.floor((bucketOf(feature, unit) * rows) / BUCKETS);
  for (const unit of UNITS) table[rowOf(one, unit) * rows + rowOf(other, unit)]! += 1;
  const rowSum = (row: number) => table.slice(row * rows, (row + 1) * rows).reduce((a, b) => a + b, 0);
  const columnSum = (column: number) =>
    table.filter((_, i) => i % rows === column).reduce((a, b) => a + b, 0);
  const chiSquare = table.reduce((sum, count, i) => {
    const expected = (rowSum(Math.floor(i / rows)) * columnSum(i % rows)) / UNITS.length;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
  expect(chiSquare).toBeLessThan(criticalChiSquare((rows - 1) ** 2));
});
