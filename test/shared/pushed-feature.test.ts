import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FeatureState } from "../../shared/features/feature.ts";
import { readPushedFeature } from "../../shared/features/pushed-feature.ts";

/** Mostly valid, and wrong in each way that a field can be. */
const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 10_000 }) },
  fc.constantFrom(0, -1, 0.5, 10_001, NaN, Infinity, 2 ** 53, "1", null, undefined, {}),
);
const base = fc.record({
  featureId: fc.oneof(
    { weight: 6, arbitrary: fc.stringMatching(/^[A-Za-z0-9_.:/-]{1,128}$/) },
    fc.constantFrom("", "a b", "ä", "a\n", "x".repeat(129), 7, null, []),
  ),
  enabled: fc.oneof({ weight: 6, arbitrary: fc.boolean() }, fc.constantFrom(0, "true", null)),
  rolloutBps: number,
  holdoutBps: fc.oneof(fc.integer({ min: 0, max: 100 }), number),
  epoch: number,
  version: number,
  failureMode: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("static", "closed") },
    fc.constantFrom("open", "", null, 1),
  ),
});

const withoutNone = (state: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(state).filter(
      ([, value]) =>
        value !== null && value !== undefined && (typeof value !== "object" || Object.keys(value).length > 0),
    ),
  );

test("a pushed feature without targeting, routes, gate and activation is read or refused exactly as the schema does", () => {
  let taken = 0;
  fc.assert(
    fc.property(base, (state) => {
      const expected = FeatureState.safeParse(withoutNone(state));
      const pushed = readPushedFeature({ ...state, targeting: null, routes: [], gate: {}, later: 1 });
      if (expected.success) taken += 1;
      expect(pushed).toEqual(
        expected.success ? { ok: true, value: expected.data } : { ok: false, error: expected.error.issues },
      );
    }),
    { numRuns: 5_000 },
  );
  expect(taken).toBeGreaterThan(200);
});
