import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  FeatureState,
  PushMessage,
  readPushedFeature,
  readEncodedFeature,
  encodeFeature,
  decodeField,
} from "../../shared/features/feature.ts";

const rich = FeatureState.parse({
  featureId: "feat_a",
  enabled: true,
  rolloutBps: 5_000,
  version: 3,
  targeting: { attribute: "claim:plan", operator: "in", values: ["pro", 7, true] },
  routes: [{ path: "/shop/:id", methods: ["GET"] }, { path: "/cart" }],
  gate: { path: "/next/:id", whenClosed: { action: "redirect", to: "/" }, html: { flags: true } },
  activation: { path: "/buy" },
});
const plain = FeatureState.parse({ featureId: "feat_b", enabled: true, rolloutBps: 0, version: 1 });

/** Mostly right, and wrong in each way that a field can be. */
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

test("a pushed feature without targeting, routes, gate and activation is what the schema says, or refused as it says", () => {
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

test("a sealed feature has what was sealed, and stays so when it is stored", () => {
  for (const state of [rich, plain]) {
    const sealed = encodeFeature(state);
    for (const meaning of ["targeting", "gate", "activation"] as const)
      expect(decodeField(sealed, meaning)).toEqual(state[meaning]);
    expect(decodeField(sealed, "routes") ?? []).toEqual(state.routes);
    expect(readEncodedFeature(JSON.parse(JSON.stringify(sealed)))).toEqual(sealed);
  }
});

test("a feature stored by another version is read as if it were pushed", () => {
  expect(readEncodedFeature(rich)).toEqual(encodeFeature(rich));
  expect(readEncodedFeature({ ...encodeFeature(rich), later: 1 })).toEqual(encodeFeature(rich));
  const { epoch: _, ...older } = encodeFeature(rich);
  expect(readEncodedFeature(older)).toEqual(encodeFeature(rich));
  const newer = { ...encodeFeature(rich), later: 1, gate: '{"somethingNew":true}' };
  expect(readEncodedFeature(newer)).toEqual({ ...encodeFeature(rich), enabled: false, gate: null });
});

test.each([null, 7, "text", {}, { ...encodeFeature(plain), rolloutBps: 10_001 }])(
  "stored %j is refused",
  (stored) => {
    expect(() => readEncodedFeature(stored)).toThrow();
  },
);

test("a push is refused with the place and the field of every feature that is wrong", () => {
  const features = [plain, { ...plain, rolloutBps: -1 }, rich, { ...rich, version: 0, gate: 7 }, null];
  const { error } = PushMessage.safeParse({ revision: 1, full: true, features });
  expect(error?.issues.map(({ path }) => path.join("."))).toEqual([
    "features.1.rolloutBps",
    "features.3.version",
    "features.3.gate",
    "features.4",
  ]);
  expect(PushMessage.safeParse({ revision: 1, full: true, features: { 0: plain } }).success).toBe(false);
});

test("a feature of which this edge does not understand what it does is closed, and the others are not", () => {
  const strange = { ...rich, gate: { somethingNew: true } };
  const { features } = PushMessage.parse({ revision: 1, full: true, features: [plain, strange, rich] });
  expect(features).toEqual([plain, { ...rich, gate: null, enabled: false }, rich]);
});
