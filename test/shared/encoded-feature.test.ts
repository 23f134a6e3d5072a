import * as fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalPath, readPath } from "../../shared/features/canonical-path.ts";
import {
  decodeField,
  encodeFeature,
  makeMayName,
  readEncodedFeature,
} from "../../shared/features/encoded-feature.ts";
import { compilePath, PathPattern } from "../../shared/features/route.ts";
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

const starts = ["a", "A", "a.b", "axb", "a-~_9", "%41", "é", "%C3%A9", '"', "a;b", "a%2Fb", "..", ""];
const path = fc
  .array(fc.constantFrom(...starts), { minLength: 1, maxLength: 3 })
  .map((segments) => `/${segments.join("/")}`);
const route = fc.record({
  path: fc
    .array(fc.constantFrom(...starts, ":x", ":x?", ":x*", "*", "a*", "*b"), { minLength: 1, maxLength: 3 })
    .map((segments) => `/${segments.join("/")}`)
    .filter((text) => PathPattern.safeParse(text).success),
  caseSensitive: fc.boolean(),
});

test("routes that name a path may name it by their text too", () => {
  let named = 0;
  fc.assert(
    fc.property(fc.array(route, { minLength: 1, maxLength: 3 }), path, (routes, sent) => {
      const readings = readPath(canonicalPath(sent));
      if (!routes.some((each) => compilePath(each.path, each).test(readings))) return;
      named++;
      expect(makeMayName(readings)(JSON.stringify(routes))).toBe(true);
    }),
    { numRuns: 5_000 },
  );
  expect(named).toBeGreaterThan(200);
});

test.each([
  ["/shop", [{ path: "/shopping/:id" }], false],
  ["/shop", [{ path: "/blog/shop" }], false],
  ["/axb", [{ path: "/a.b" }], false],
  ["/", [{ path: "/shop" }], false],
  ["/shop/7", [{ path: "/blog" }, { path: "/Shop/:id", methods: ["GET"] }], true],
  ["/shop", [{ path: "/blog" }, { path: "/:section" }], true],
  ["/", [{ path: "/" }], true],
])("whether a request to %s can be meant by %j is seen without decoding", (sent, routes, may) => {
  expect(makeMayName(readPath(sent))(JSON.stringify(routes))).toBe(may);
});
