import * as fc from "fast-check";
import { expect, test } from "vitest";
import { h32, h32Joined } from "../../shared/hash.ts";

test("the hash is xxHash's own: published values", () => {
  expect(h32("")).toBe(0x02cc5d05);
  expect(h32("abc")).toBe(0x32d153ff);
});

test("joined in plain code or WebAssembly, any two texts have the same hash", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme-ascii", maxLength: 300 }),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ unit: "grapheme-ascii", minLength: 900, maxLength: 1_100 }),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(h32Joined(a, b)).toBe(h32(`${a}:${b}`));
      expect(h32Joined(a, b, "#")).toBe(h32(`${a}#${b}`));
    }),
    { numRuns: 2_000 },
  );
});
