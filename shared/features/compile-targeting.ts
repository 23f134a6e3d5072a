// Turns a targeting tree into one function, once when a snapshot arrives: closures over prepared sets and versions. No
// code is generated, and nothing that a request sends is ever used as a pattern.
import { compareVersions, parseVersion } from "./semver.ts";
import type { Condition, Leaf } from "./targeting.ts";

export type Device = "mobile" | "tablet" | "desktop";

/** What targeting may ask about a request. Nothing is computed before a condition asks for it. */
export type EvaluationContext = {
  /** ISO 3166-1 alpha-2; null: unknown. */
  readonly country: () => string | null;
  readonly path: () => string;
  readonly device: () => Device | null;
  /** `name` is lower case. */
  readonly header: (name: string) => string | null;
  readonly cookie: (name: string) => string | null;
  /** The values of a claim of a token that was verified; a claim that is a list has several. */
  readonly claim: (name: string) => readonly string[];
};

export type TargetingPredicate = (context: EvaluationContext) => boolean;

type Test = (value: string) => boolean;

const toNumber = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

const byVersion = (wanted: string, holds: (order: number) => boolean): Test => {
  const version = parseVersion(wanted);
  if (version === null) return () => false;
  return (value) => {
    const given = parseVersion(value);
    return given !== null && holds(compareVersions(given, version));
  };
};

const testOf = (leaf: Leaf): Test => {
  switch (leaf.operator) {
    case "equals": {
      const wanted = String(leaf.value);
      return (value) => value === wanted;
    }
    case "in": {
      const wanted = new Set(leaf.values.map(String));
      return (value) => wanted.has(value);
    }
    case "startsWith":
      return (value) => value.startsWith(leaf.value);
    case "endsWith":
      return (value) => value.endsWith(leaf.value);
    case "contains":
      return (value) => value.includes(leaf.value);
    case "lessThan":
      return (value) => toNumber(value) < leaf.value;
    case "atMost":
      return (value) => toNumber(value) <= leaf.value;
    case "greaterThan":
      return (value) => toNumber(value) > leaf.value;
    case "atLeast":
      return (value) => toNumber(value) >= leaf.value;
    case "versionEquals":
      return byVersion(leaf.value, (order) => order === 0);
    case "versionLessThan":
      return byVersion(leaf.value, (order) => order < 0);
    case "versionAtMost":
      return byVersion(leaf.value, (order) => order <= 0);
    case "versionGreaterThan":
      return byVersion(leaf.value, (order) => order > 0);
    case "versionAtLeast":
      return byVersion(leaf.value, (order) => order >= 0);
  }
};

const partsOf = (attribute: string): { kind: string; name: string } => {
  const colon = attribute.indexOf(":");
  return colon < 0
    ? { kind: attribute, name: "" }
    : { kind: attribute.slice(0, colon), name: attribute.slice(colon + 1) };
};

/** The values that a request has of an attribute: several of a claim that is a list, none of what it lacks. */
export const valuesOf = (attribute: string, context: EvaluationContext): readonly string[] => {
  const { kind, name } = partsOf(attribute);
  const one = (value: string | null): readonly string[] => (value === null ? [] : [value]);
  switch (kind) {
    case "country":
      return one(context.country());
    case "device":
      return one(context.device());
    case "header":
      return one(context.header(name.toLowerCase()));
    case "cookie":
      return one(context.cookie(name));
    case "claim":
      return context.claim(name);
    default:
      return one(context.path());
  }
};

const compileLeaf = (leaf: Leaf): TargetingPredicate => {
  const test = testOf(leaf);
  const { kind, name } = partsOf(leaf.attribute);
  const one = (read: (context: EvaluationContext) => string | null): TargetingPredicate => {
    return (context) => {
      const value = read(context);
      return value !== null && test(value);
    };
  };
  switch (kind) {
    case "country":
      return one((context) => context.country());
    case "device":
      return one((context) => context.device());
    case "header": {
      const lower = name.toLowerCase();
      return one((context) => context.header(lower));
    }
    case "cookie":
      return one((context) => context.cookie(name));
    case "claim":
      return (context) => context.claim(name).some(test);
    default:
      return one((context) => context.path());
  }
};

export const compileTargeting = (condition: Condition): TargetingPredicate => {
  if ("conditions" in condition) {
    const compiled = condition.conditions.map(compileTargeting);
    return condition.operator === "and"
      ? (context) => compiled.every((holds) => holds(context))
      : (context) => compiled.some((holds) => holds(context));
  }
  if ("condition" in condition) {
    const holds = compileTargeting(condition.condition);
    return (context) => !holds(context);
  }
  return compileLeaf(condition);
};
