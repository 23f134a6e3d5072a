import { describe, expect, test } from "vitest";
import { Targeting } from "../../shared/features/targeting.ts";
import { issuesOf } from "../support/issues.ts";

const leaf = { attribute: "country", operator: "equals", value: "DE" };
const accepts = (condition: unknown): boolean => issuesOf(Targeting, condition).length === 0;

describe("an attribute", () => {
  test.each([
    "country",
    "path",
    "device",
    "header:x",
    "cookie:A~",
    "claim:plan",
    `header:${"x".repeat(128)}`,
  ])("may be %s", (attribute) => {
    expect(accepts({ ...leaf, attribute })).toBe(true);
  });

  test.each([
    "",
    "xcountry",
    "countryx",
    "header",
    "header:",
    "header:a b",
    `claim:${"x".repeat(129)}`,
    "claim:ä",
  ])("may not be %j", (attribute) => {
    expect(accepts({ ...leaf, attribute })).toBe(false);
  });
});

const long = (length: number) => "1".repeat(length);

describe("a condition", () => {
  test.each([
    { operator: "equals", value: "DE" },
    { operator: "equals", value: 7 },
    { operator: "equals", value: true },
    { operator: "equals", value: "" },
    { operator: "equals", value: long(512) },
    { operator: "in", values: ["DE"] },
    { operator: "in", values: Array(500).fill("DE") },
    { operator: "startsWith", value: "D" },
    { operator: "endsWith", value: long(512) },
    { operator: "contains", value: "E" },
    { operator: "lessThan", value: 5 },
    { operator: "atMost", value: 5 },
    { operator: "greaterThan", value: 5 },
    { operator: "atLeast", value: 5 },
    { operator: "versionEquals", value: "2.1" },
    { operator: "versionLessThan", value: "2.1" },
    { operator: "versionAtMost", value: "2.1" },
    { operator: "versionGreaterThan", value: "2.1" },
    { operator: "versionAtLeast", value: "2.1" },
  ])("may be %j", (condition) => {
    expect(accepts({ attribute: "country", ...condition })).toBe(true);
    expect(accepts({ attribute: "country", ...condition, more: 1 })).toBe(false);
    expect(accepts(condition)).toBe(false);
  });

  test.each([
    { operator: "matches", value: "D." },
    { operator: "equals" },
    { operator: "equals", value: null },
    { operator: "equals", value: long(513) },
    { operator: "in", values: [] },
    { operator: "in", values: Array(501).fill("DE") },
    { operator: "in", values: "DE" },
    { operator: "startsWith", value: "" },
    { operator: "startsWith", value: long(513) },
    { operator: "contains", value: 7 },
    { operator: "lessThan", value: "5" },
    { operator: "versionAtLeast", value: "bogus" },
    { operator: "versionAtLeast", value: `1${" ".repeat(512)}` },
  ])("may not be %j", (condition) => {
    expect(accepts({ attribute: "country", ...condition })).toBe(false);
  });
});

describe("a tree", () => {
  const nested = (depth: number): unknown =>
    depth === 1 ? leaf : { operator: "not", condition: nested(depth - 1) };
  const wide = (conditions: number) => ({
    operator: "or",
    conditions: Array.from({ length: conditions - 1 }, () => leaf),
  });

  test("is eight conditions deep at most", () => {
    expect(accepts(nested(8))).toBe(true);
    expect(accepts(nested(9))).toBe(false);
    expect(accepts({ operator: "and", conditions: [leaf, nested(7)] })).toBe(true);
    expect(accepts({ operator: "and", conditions: [leaf, nested(8)] })).toBe(false);
  });

  test("has two hundred conditions at most, its inner ones included", () => {
    expect(accepts(wide(200))).toBe(true);
    expect(accepts(wide(201))).toBe(false);
    expect(accepts({ operator: "not", condition: wide(199) })).toBe(true);
    expect(accepts({ operator: "not", condition: wide(200) })).toBe(false);
  });

  test("that is too large is refused once, with both bounds", () => {
    for (const tree of [nested(9), wide(201)])
      expect(issuesOf(Targeting, tree)).toEqual([expect.stringMatching(/at most 200 conditions, 8 deep/)]);
  });

  test("that is too large is not walked any further, however it is put together", () => {
    // Both kinds of children in one node: neither may be left out of the count.
    const both = { ...(wide(150) as object), condition: wide(150) };
    expect(issuesOf(Targeting, both)).toEqual([expect.stringMatching(/at most 200 conditions/)]);
  });

  test.each([
    { operator: "and", conditions: [] },
    { operator: "and", conditions: leaf },
    { operator: "and", conditions: [null] },
    { operator: "and", conditions: ["DE"] },
    { operator: "and", conditions: [leaf], more: 1 },
    { operator: "not", condition: null },
    { operator: "not", condition: leaf, more: 1 },
    { operator: "not", conditions: [leaf] },
    { operator: "xor", conditions: [leaf, leaf] },
    null,
    7,
    "country",
    [],
  ])("may not be %j", (tree) => {
    expect(accepts(tree)).toBe(false);
  });

  test.each([
    { operator: "and", conditions: [leaf] },
    { operator: "or", conditions: [leaf, { operator: "not", condition: leaf }] },
  ])("may be %j", (tree) => {
    expect(accepts(tree)).toBe(true);
    expect(Targeting.parse(tree)).toEqual(tree);
  });
});
