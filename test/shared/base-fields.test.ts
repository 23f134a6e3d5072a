import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hasBaseFields, isObject } from "../../shared/features/base-fields.ts";
import { FeatureState } from "../../shared/features/feature.ts";

const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 10_000 }) },
  fc.constantFrom(-1, 0, 1, 0.5, 9_999, 10_000, 10_001, NaN, Infinity, 2 ** 53 - 1, 2 ** 53, "1"),
);

test("the quick check accepts exactly what the schema accepts, where every base field is given", () => {
  const fields = fc.record({
    featureId: fc.constantFrom("feat_a", "a".repeat(128), "a".repeat(129), "", "a b", 7),
    enabled: fc.constantFrom(true, true, false, false, "true", 1),
    rolloutBps: number,
    holdoutBps: fc.oneof(fc.nat(2_000), number),
    epoch: number,
    version: number,
    unit: fc.constantFrom(...Array.from({ length: 4 }, () => ["visitor", "user"]).flat(), "account", 1),
    failureMode: fc.constantFrom("static", "static", "closed", "closed", "open", true),
    private: fc.constantFrom(...Array.from({ length: 4 }, () => [true, false]).flat(), "true", 0),
  });
  const found = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(fields, (each) => {
      const isAccepted = hasBaseFields(each);
      found[isAccepted ? "accepted" : "refused"] += 1;
      expect(isAccepted).toBe(FeatureState.safeParse(each).success);
    }),
    { numRuns: 8_000 },
  );
  expect(Math.min(found.accepted, found.refused)).toBeGreaterThan(200);
});

test.each([
  { epoch: 1, version: 1 },
  { rolloutBps: 0, holdoutBps: 0 },
  { rolloutBps: 10_000, holdoutBps: 0 },
  { rolloutBps: 0, holdoutBps: 10_000 },
  { epoch: Number.MAX_SAFE_INTEGER, version: Number.MAX_SAFE_INTEGER },
])("the bounds %j are accepted", (bounds) => {
  const fields = {
    featureId: "f",
    enabled: true,
    rolloutBps: 1,
    holdoutBps: 1,
    epoch: 2,
    version: 2,
    unit: "visitor",
    failureMode: "closed",
    private: false,
    ...bounds,
  };
  expect(hasBaseFields(fields)).toBe(true);
});

test("an object is none of the other things", () => {
  expect(isObject({})).toBe(true);
  for (const other of [null, undefined, 7, "text", true]) expect(isObject(other)).toBe(false);
});
