import { describe, expect, test } from "vitest";
import { compileTargeting, type EvaluationContext } from "../../shared/features/compile-targeting.ts";
import type { Leaf } from "../../shared/features/targeting.ts";

const contextOf = (header: string | null): EvaluationContext => ({
  country: () => null,
  path: () => "/",
  device: () => null,
  header: (name) => (name === "x-app" ? header : null),
  cookie: () => null,
  claim: () => [],
});

const holds = (leaf: object, header: string | null): boolean =>
  compileTargeting({ attribute: "header:X-App", ...leaf } as Leaf)(contextOf(header));

describe("a header that is not there", () => {
  test.each([
    { operator: "equals", value: "null" },
    { operator: "in", values: ["null"] },
    { operator: "startsWith", value: "n" },
    { operator: "endsWith", value: "l" },
    { operator: "contains", value: "ul" },
    { operator: "lessThan", value: 1 },
    { operator: "atMost", value: 1 },
    { operator: "versionAtLeast", value: "0" },
  ])("meets no condition, not even %j", (leaf) => {
    expect(holds(leaf, null)).toBe(false);
  });
});

test("what is empty or blank is no number", () => {
  for (const header of ["", "  ", "\t"]) {
    expect(holds({ operator: "lessThan", value: 1 }, header)).toBe(false);
    expect(holds({ operator: "atLeast", value: -1 }, header)).toBe(false);
  }
  expect(holds({ operator: "lessThan", value: 1 }, " 0 ")).toBe(true);
});

test("a version is not less than itself, nor greater", () => {
  expect(holds({ operator: "versionLessThan", value: "2.1.0" }, "2.1")).toBe(false);
  expect(holds({ operator: "versionGreaterThan", value: "2.1.0" }, "2.1")).toBe(false);
  expect(holds({ operator: "versionAtMost", value: "2.1.0" }, "2.1")).toBe(true);
  expect(holds({ operator: "versionAtLeast", value: "2.1.0" }, "2.1")).toBe(true);
  expect(holds({ operator: "versionEquals", value: "2.1.0" }, "2.1")).toBe(true);
});

test("a condition on something that is no version meets nothing", () => {
  expect(holds({ operator: "versionAtMost", value: "bogus" }, "2.1")).toBe(false);
});
