// flagd's conditions (JsonLogic with starts_with, ends_with and sem_ver). Attributes are taken to have the type that they
// are compared with.
import {
  attributeOf,
  compareOrZero,
  equalsNumber,
  isOneOf,
  leafOf,
  type AttributeNames,
} from "./attributes.ts";
import { all, any, constant, not, unknown, type Expression } from "./expression.ts";
import { spend, type Budget } from "./imported.ts";

export type Reading = {
  readonly names: AttributeNames;
  readonly evaluators: Readonly<Record<string, unknown>>;
  /** Names of the evaluators that this one is part of. */
  readonly within: ReadonlySet<string>;
  readonly budget: Budget;
};

/** A node of one operator with its arguments; null: it is none. */
export const operationOf = (node: unknown): { operator: string; args: readonly unknown[] } | null => {
  if (typeof node !== "object" || node === null || Array.isArray(node)) return null;
  const [[operator, args] = ["", undefined], ...more] = Object.entries(node);
  if (operator === "" || more.length > 0) return null;
  return { operator, args: Array.isArray(args) ? args : [args] };
};

/** Follows `$ref`; undefined: it leads nowhere, or round in a circle. */
export const resolved = (
  node: unknown,
  reading: Reading,
): { node: unknown; reading: Reading } | undefined => {
  const operation = operationOf(node);
  if (operation?.operator !== "$ref") return { node, reading };
  const [name] = operation.args;
  const { evaluators, within } = reading;
  if (typeof name !== "string" || within.has(name) || !Object.hasOwn(evaluators, name)) return undefined;
  return resolved(evaluators[name], { ...reading, within: new Set(within).add(name) });
};

/** The attribute that a `var` reads; null: it is something else, or has a default or a part of flagd's own. */
const attributeIn = (node: unknown, { names }: Reading): string | null => {
  const operation = operationOf(node);
  if (operation?.operator !== "var" || operation.args.length !== 1) return null;
  const [name] = operation.args;
  return typeof name === "string" && name !== "" && !name.startsWith("$flagd")
    ? attributeOf(name, names)
    : null;
};

const equals = (attribute: string, value: unknown): Expression => {
  if (typeof value === "string" || typeof value === "boolean")
    return leafOf({ attribute, operator: "equals", value });
  return typeof value === "number" ? equalsNumber(attribute, value) : unknown;
};

const isEqual = ([a, b]: readonly unknown[], reading: Reading, isStrict: boolean): Expression => {
  // flagd's evaluators do not agree on whether a missing attribute is 0.
  if (!isStrict && (a === 0 || b === 0)) return unknown;
  const left = attributeIn(a, reading);
  if (left !== null) return equals(left, b);
  const right = attributeIn(b, reading);
  return right === null ? unknown : equals(right, a);
};

const isIn = ([needle, haystack]: readonly unknown[], reading: Reading): Expression => {
  const attribute = attributeIn(needle, reading);
  if (attribute !== null && Array.isArray(haystack)) {
    const values = haystack.filter((one) => ["string", "number", "boolean"].includes(typeof one));
    return values.length === haystack.length ? isOneOf(attribute, values) : unknown;
  }
  const text = attributeIn(haystack, reading);
  return text !== null && typeof needle === "string"
    ? leafOf({ attribute: text, operator: "contains", value: needle })
    : unknown;
};

const ORDER = { "<": "lessThan", "<=": "atMost", ">": "greaterThan", ">=": "atLeast" } as const;
const TURNED = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;
type Comparison = keyof typeof ORDER;
const isComparison = (operator: string): operator is Comparison => Object.hasOwn(ORDER, operator);
const isOrdered = (operator: Comparison, args: readonly unknown[], reading: Reading): Expression => {
  const [a, b, c] = args;
  if (args.length === 3)
    return all([isOrdered(operator, [a, b], reading), isOrdered(operator, [b, c], reading)]);
  const left = attributeIn(a, reading);
  if (left !== null && typeof b === "number") return compareOrZero(left, ORDER[operator], b);
  const right = attributeIn(b, reading);
  return right !== null && typeof a === "number" ? isOrdered(TURNED[operator], [b, a], reading) : unknown;
};

const VERSION_OPERATORS = {
  "=": "versionEquals",
  "<": "versionLessThan",
  "<=": "versionAtMost",
  ">": "versionGreaterThan",
  ">=": "versionAtLeast",
} as const;
const isVersionOperator = (operator: unknown): operator is keyof typeof VERSION_OPERATORS =>
  typeof operator === "string" && Object.hasOwn(VERSION_OPERATORS, operator);

const versionOf = ([a, operator, value]: readonly unknown[], reading: Reading): Expression => {
  const attribute = attributeIn(a, reading);
  if (attribute === null || typeof value !== "string") return unknown;
  const compared = (name: (typeof VERSION_OPERATORS)[keyof typeof VERSION_OPERATORS]) =>
    leafOf({ attribute, operator: name, value });
  if (isVersionOperator(operator)) return compared(VERSION_OPERATORS[operator]);
  // It does not hold for what is no version, as the negation of `=` would.
  return operator === "!=" ? any([compared("versionLessThan"), compared("versionGreaterThan")]) : unknown;
};

export const conditionOf = (given: unknown, asking: Reading): Expression => {
  const found = spend(asking.budget) ? resolved(given, asking) : undefined;
  if (found === undefined) return unknown;
  const { node, reading } = found;
  if (typeof node === "boolean") return constant(node);
  const operation = operationOf(node);
  if (operation === null) return unknown;
  const { operator, args } = operation;
  if (isComparison(operator)) return isOrdered(operator, args, reading);
  const first = args[0];
  switch (operator) {
    case "and":
      return all(args.map((one) => conditionOf(one, reading)));
    case "or":
      return any(args.map((one) => conditionOf(one, reading)));
    case "!":
      return not(conditionOf(first, reading));
    case "!!":
      return conditionOf(first, reading);
    case "==":
    case "===":
      return isEqual(args, reading, operator === "===");
    case "!=":
    case "!==":
      return not(isEqual(args, reading, operator === "!=="));
    case "in":
      return isIn(args, reading);
    case "starts_with":
    case "ends_with": {
      const attribute = attributeIn(first, reading);
      const [, value] = args;
      return attribute !== null && typeof value === "string"
        ? leafOf({ attribute, operator: operator === "starts_with" ? "startsWith" : "endsWith", value })
        : unknown;
    }
    case "sem_ver":
      return versionOf(args, reading);
    case "var": {
      const attribute = attributeIn(node, reading);
      return attribute === null ? unknown : leafOf({ attribute, operator: "equals", value: true });
    }
    default:
      return unknown;
  }
};
