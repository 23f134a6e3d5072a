import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bps, FeatureId, isFeatureId, Revision, UnitId } from "../../shared/ids.ts";
import { issuesOf } from "../support/issues.ts";

describe("a feature id", () => {
  test.each(["f", "f".repeat(128), "aZ09_.:/-", "...", ".f", "../f"])("may be %s", (text) => {
    expect(issuesOf(FeatureId, text)).toEqual([]);
    expect(isFeatureId(text)).toBe(true);
  });

  test.each([
    ["", /must not be empty/],
    ["f".repeat(129), /at most 128 characters/],
    [".", /URL cannot carry/],
    ["..", /URL cannot carry/],
    [" f", /may contain/],
    ["f ", /may contain/],
    ["a,b", /may contain/],
    ["ä", /may contain/],
  ])("may not be %j", (text, reason) => {
    expect(issuesOf(FeatureId, text)[0]).toMatch(reason);
    expect(isFeatureId(text)).toBe(false);
  });

  test("is a text: nothing else is one, even if it reads like one", () => {
    expect(isFeatureId(["f"])).toBe(false);
    expect(isFeatureId(7)).toBe(false);
    expect(isFeatureId(undefined)).toBe(false);
  });

  test("is the same for the schema and for the quick check", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9_.:/-]{0,140}$/)), (text) => {
        expect(isFeatureId(text)).toBe(FeatureId.safeParse(text).success);
      }),
    );
  });
});

describe("a unit id", () => {
  test.each([
    "u",
    "u".repeat(256),
    "Ünïcode 1@example.com~.",
    "\u0080".repeat(128),
    "é".repeat(128),
    "\u07ff".repeat(128),
    "界".repeat(85),
    "😀".repeat(64),
  ])("may be %s", (text) => {
    expect(issuesOf(UnitId, text)).toEqual([]);
  });

  test.each([
    ["", /must not be empty/],
    ["u".repeat(257), /at most 256 bytes/],
    ["\u0080".repeat(129), /at most 256 bytes/],
    ["é".repeat(129), /at most 256 bytes/],
    ["\u0800".repeat(86), /at most 256 bytes/],
    ["界".repeat(86), /at most 256 bytes/],
    ["😀".repeat(65), /at most 256 bytes/],
    ["\ud800", /well-formed/],
    ["u\udc00u", /well-formed/],
    ["\udc00\ud800", /well-formed/],
    ["\u0000u", /control characters/],
    ["u\u001f", /control characters/],
    ["u\u007fu", /control characters/],
    [`${"u".repeat(255)}\u007f`, /control characters/],
  ])("may not be %j", (text, reason) => {
    expect(issuesOf(UnitId, text)[0]).toMatch(reason);
  });
});

test("a unit id has as many bytes as UTF-8 makes of it, whatever it is made of", () => {
  const encoder = new TextEncoder();
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 256 }), (text) => {
      // oxlint-disable-next-line no-control-regex -- these are refused for another reason
      fc.pre(!/[\u0000-\u001f\u007f]/.test(text));
      expect(UnitId.safeParse(text).success).toBe(encoder.encode(text).length <= 256);
    }),
  );
});

test("a revision is a whole number from 0 to the last that a double can count to", () => {
  for (const good of [0, 1, Number.MAX_SAFE_INTEGER]) expect(issuesOf(Revision, good)).toEqual([]);
  for (const bad of [-1, 0.5, Number.MAX_SAFE_INTEGER + 1, "1"])
    expect(issuesOf(Revision, bad)).not.toEqual([]);
});

test("basis points are a whole number from 0 to 10,000, and an error says what they are", () => {
  for (const good of [0, 1, 10_000]) expect(issuesOf(Bps, good)).toEqual([]);
  for (const bad of [-1, 10_001, 0.2, -0.5, "1", null])
    expect(issuesOf(Bps, bad)).toEqual([expect.stringMatching(/basis points/)]);
});
