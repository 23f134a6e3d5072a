import { expect, test } from "vitest";
import { decodeField, encodeFeature, readEncodedFeature } from "../../shared/features/encoded-feature.ts";
import { plain, rich } from "./example-features.ts";

test("an encoded feature decodes to its fields, also after it was stored", () => {
  for (const state of [rich, plain]) {
    const encoded = encodeFeature(state);
    for (const field of ["targeting", "gate", "activation"] as const)
      expect(decodeField(encoded, field)).toEqual(state[field]);
    expect(decodeField(encoded, "routes") ?? []).toEqual(state.routes);
    expect(readEncodedFeature(JSON.parse(JSON.stringify(encoded)))).toEqual(encoded);
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
  "a stored %j is refused",
  (stored) => {
    expect(() => readEncodedFeature(stored)).toThrow();
  },
);
