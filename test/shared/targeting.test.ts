import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compileTargeting,
  type Device,
  type EvaluationContext,
} from "../../shared/features/compile-targeting.ts";
import { compareVersions, parseVersion } from "../../shared/features/semver.ts";
import { attributesOf, MAX_CONDITIONS, MAX_DEPTH, Targeting } from "../../shared/features/targeting.ts";
import specification from "../spec/targeting.json" with { type: "json" };

type Given = {
  country?: string;
  path?: string;
  device?: string;
  headers?: Record<string, string>;
  cookies?: Record<string, string>;
  claims?: Record<string, string[]>;
};
type Group = { title: string; targeting: unknown; cases: { context: Given; targeted: boolean }[] };

const contextOf = (given: Given): EvaluationContext => ({
  country: () => given.country ?? null,
  path: () => given.path ?? "/",
  device: () => (given.device as Device | undefined) ?? null,
  header: (name) => given.headers?.[name] ?? null,
  cookie: (name) => given.cookies?.[name] ?? null,
  claim: (name) => given.claims?.[name] ?? [],
});

describe.each(specification as Group[])("$title", ({ targeting, cases }) => {
  const targets = compileTargeting(Targeting.parse(targeting));
  test.each(cases)("$context → $targeted", ({ context, targeted }) => {
    expect(targets(contextOf(context))).toBe(targeted);
  });
});

const country = { attribute: "country", operator: "equals", value: "DE" };
const not = (condition: unknown): unknown => ({ operator: "not", condition });
const nested = (depth: number): unknown => (depth === 1 ? country : not(nested(depth - 1)));
const and = (count: number): unknown => ({
  operator: "and",
  conditions: Array.from({ length: count }, () => country),
});

test.each([
  ["an unknown attribute", { ...country, attribute: "ip" }, ["attribute"]],
  ["an unknown operator", { ...country, operator: "matches" }, ["operator"]],
  ["a number for text", { ...country, operator: "startsWith", value: 1 }, ["value"]],
  ["text for a number", { ...country, operator: "atLeast", value: "1" }, ["value"]],
  ["no version", { ...country, operator: "versionAtLeast", value: "new" }, ["value"]],
  ["an empty list", { attribute: "country", operator: "in", values: [] }, ["values"]],
  ["no conditions", { operator: "or", conditions: [] }, ["conditions"]],
  [
    "a wrong leaf below",
    { operator: "and", conditions: [country, { ...country, value: null }] },
    ["conditions", 1, "value"],
  ],
])("%s is refused by its place", (_, targeting, path) => {
  const parsed = Targeting.safeParse(targeting);
  expect(parsed.error?.issues[0]?.path).toEqual(path);
});

test("depth and size are bounded, however deep the tree is", () => {
  expect(Targeting.safeParse(nested(MAX_DEPTH)).success).toBe(true);
  expect(Targeting.safeParse(nested(MAX_DEPTH + 1)).success).toBe(false);
  expect(Targeting.safeParse(and(MAX_CONDITIONS - 1)).success).toBe(true);
  expect(Targeting.safeParse(and(MAX_CONDITIONS)).success).toBe(false);
  let deep: unknown = country;
  for (let i = 0; i < 200_000; i++) deep = not(deep);
  expect(Targeting.safeParse(deep).success).toBe(false);
});

const version = fc
  .tuple(
    fc.nat(3),
    fc.nat(3),
    fc.nat(3),
    fc.array(fc.constantFrom("alpha", "beta", "1", "2", "10"), { maxLength: 2 }),
  )
  .map(([a, b, c, pre]) => `${a}.${b}.${c}${pre.length === 0 ? "" : `-${pre.join(".")}`}`);

test("versions are totally ordered", () => {
  const order = (a: string, b: string): number => {
    const [one, other] = [parseVersion(a), parseVersion(b)];
    if (one === null || other === null) throw new Error("no version");
    return compareVersions(one, other);
  };
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(order(a, b) + order(b, a)).toBe(0);
      if (order(a, b) <= 0 && order(b, c) <= 0) expect(order(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});

test("the attributes of a tree are those of all its comparisons, below groups and negations too", () => {
  const comparison = (attribute: string) => ({ attribute, operator: "equals", value: "x" });
  const tree = Targeting.parse({
    operator: "and",
    conditions: [
      comparison("country"),
      { operator: "not", condition: comparison("claim:plan") },
      { operator: "or", conditions: [comparison("path"), comparison("cookie:beta")] },
    ],
  });
  expect(attributesOf(tree)).toEqual(["country", "claim:plan", "path", "cookie:beta"]);
});
