import { expect, test } from "vitest";
import { headerBytes, toldAs, TOLD_SEPARATOR } from "../../shared/features/features-header.ts";

test.each([
  [[], 0],
  [["a"], 11],
  [["a", "feat_b"], 29],
  [["a", "feat_b", "c"], 42],
])("a header that tells of %j has %i bytes at most, and its separators count", (featureIds, bytes) => {
  expect(headerBytes(featureIds)).toBe(bytes);
  for (const cohort of ["treatment", "holdout", "off"] as const)
    expect(featureIds.map((id) => toldAs(id, cohort)).join(TOLD_SEPARATOR).length).toBeLessThanOrEqual(bytes);
});
