// Targeting: a tree of conditions on the evaluation context. This is its schema; compile-targeting.ts makes it a function.
// The tree is bounded, so that no pushed one can hold up an edge.
import * as z from "zod";
import { parseVersion } from "./semver.ts";

export const MAX_DEPTH = 8;
/** Conditions of all kinds in one tree. */
export const MAX_CONDITIONS = 200;
const MAX_VALUES = 500;
const MAX_TEXT = 512;

const Attribute = z
  .string()
  .regex(
    /^(?:country|path|device|(?:header|cookie|claim):[\u0021-\u007e]{1,128})$/,
    "must be country, path, device, header:NAME, cookie:NAME or claim:NAME",
  );

const Scalar = z.union([z.string().max(MAX_TEXT), z.number(), z.boolean()]);
const Version = z
  .string()
  .max(MAX_TEXT)
  .refine((text) => parseVersion(text) !== null, "must be a version such as 2.10.0");

const attribute = Attribute;
export const Leaf = z.discriminatedUnion("operator", [
  z.strictObject({ attribute, operator: z.literal("equals"), value: Scalar }),
  z.strictObject({ attribute, operator: z.literal("in"), values: z.array(Scalar).min(1).max(MAX_VALUES) }),
  z.strictObject({
    attribute,
    operator: z.enum(["startsWith", "endsWith", "contains"]),
    value: z.string().min(1).max(MAX_TEXT),
  }),
  z.strictObject({
    attribute,
    operator: z.enum(["lessThan", "atMost", "greaterThan", "atLeast"]),
    value: z.number(),
  }),
  z.strictObject({
    attribute,
    operator: z.enum([
      "versionEquals",
      "versionLessThan",
      "versionAtMost",
      "versionGreaterThan",
      "versionAtLeast",
    ]),
    value: Version,
  }),
]);
export type Leaf = z.infer<typeof Leaf>;

/**
 * An attribute may have several values (a claim that is a list) or none: a condition on it holds when one of the
 * values meets it. Values are compared as text, exactly, but for numbers and versions.
 */
export type Condition =
  | Leaf
  | { readonly operator: "and" | "or"; readonly conditions: readonly Condition[] }
  | { readonly operator: "not"; readonly condition: Condition };

const Condition: z.ZodType<Condition> = z.lazy(() =>
  z.discriminatedUnion("operator", [
    ...Leaf.options,
    z.strictObject({
      operator: z.enum(["and", "or"]),
      conditions: z.array(Condition).min(1).max(MAX_CONDITIONS),
    }),
    z.strictObject({ operator: z.literal("not"), condition: Condition }),
  ]),
);

const childrenOf = (node: unknown): readonly unknown[] => {
  if (typeof node !== "object" || node === null) return [];
  const several = "conditions" in node && Array.isArray(node.conditions) ? node.conditions : [];
  return "condition" in node ? [...several, node.condition] : several;
};

/** Level by level and not by recursion: a tree that is too deep must not be walked to its end. */
export const isBounded = (root: unknown): boolean => {
  let level: readonly unknown[] = [root];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    count += level.length;
    if (depth >= MAX_DEPTH || count > MAX_CONDITIONS) return false;
    level = level.flatMap(childrenOf);
  }
  return true;
};

export const BOUNDS_TEXT = `must have at most ${MAX_CONDITIONS} conditions, ${MAX_DEPTH} deep`;

export const Targeting = z.unknown().refine(isBounded, { message: BOUNDS_TEXT, abort: true }).pipe(Condition);

/** The attributes that the conditions of a tree compare. */
export const attributesOf = (condition: Condition): readonly string[] => {
  if ("conditions" in condition) return condition.conditions.flatMap(attributesOf);
  return "condition" in condition ? attributesOf(condition.condition) : [condition.attribute];
};
