import { describe, expect, test } from "vitest";
import { encodeFeature, readEncodedFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { readPushedFeature } from "../../shared/features/pushed-feature.ts";

const targeting = { attribute: "country", operator: "equals", value: "DE" } as const;
const state = FeatureState.parse({
  featureId: "feat_a",
  enabled: true,
  rolloutBps: 5_000,
  version: 3,
  targeting,
});

describe("a stored feature", () => {
  test("that this version stored is taken as it is, without being read anew", () => {
    const stored = encodeFeature(state);
    expect(readEncodedFeature(stored)).toBe(stored);
  });

  test("whose fields are no texts is read anew", () => {
    const stored = { ...encodeFeature(state), targeting };
    expect(readEncodedFeature(stored)).toEqual(encodeFeature(state));
  });

  test.each([
    [null, "a stored feature cannot be read"],
    [7, "a stored feature cannot be read"],
    [{ ...encodeFeature(state), rolloutBps: -1 }, "rolloutBps: must be"],
    [{ ...encodeFeature(state), rolloutBps: -1, gate: '{"path":"next"}' }, "gate.path: must be a path"],
    [{ ...encodeFeature(state), featureId: "" }, "featureId: must not be empty"],
  ])("%j is refused, with the reason", (stored, reason) => {
    expect(() => readEncodedFeature(stored)).toThrow(reason);
  });
});

test("a pushed feature keeps the one behaviour that it has", () => {
  const { routes: _, gate: _gate, activation: _activation, ...pushed } = state;
  expect(readPushedFeature(pushed)).toEqual({ ok: true, value: state });
});

test("a feature of an older origin has visitors as its units; a unit that a newer origin names closes the feature here", () => {
  const { unit: _, ...older } = state;
  expect(readPushedFeature(older)).toEqual({ ok: true, value: state });
  expect(readPushedFeature({ ...older, targeting: null, unit: "account" })).toEqual({
    ok: true,
    value: { ...state, targeting: null, enabled: false },
  });
  const { unit: _unit, ...stored } = encodeFeature(state);
  expect(readEncodedFeature(stored)).toEqual(encodeFeature(state));
});

test("what is no feature at all is refused, not closed", () => {
  for (const pushed of [null, 7, "text", [], {}]) expect(readPushedFeature(pushed).ok).toBe(false);
});
