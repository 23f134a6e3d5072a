// GrowthBook's conditions (a part of MongoDB's query language) on an attribute's value. Attributes are taken to have the
// type that they are compared with.
import { z } from "zod";
import {
  compareOrZero,
  equalsNumber,
  isOneOf,
  leafOf,
  attributeOf,
  type AttributeNames,
} from "./attributes.ts";
import { all, any, constant, not, unknown, type Expression } from "./expression.ts";
import { spend, type Budget } from "./imported.ts";

export type SavedGroups = Readonly<Record<string, unknown>>;
type Reading = {
  readonly names: AttributeNames;
  readonly groups: SavedGroups;
  readonly within: ReadonlySet<string>;
  readonly budget: Budget;
};

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const Scalars = z.array(z.union([z.string(), z.number(), z.boolean()]));
const VERSION = /^v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
const VERSION_OPERATORS = {
  $veq: "versionEquals",
  $vgt: "versionGreaterThan",
  $vgte: "versionAtLeast",
} as const;
/** A missing version is the lowest there. */
const NEGATED_VERSION_OPERATORS = { $vne: "$veq", $vlt: "$vgte", $vlte: "$vgt" } as const;
const NUMBER_OPERATORS = { $lt: "lessThan", $lte: "atMost", $gt: "greaterThan", $gte: "atLeast" } as const;

const has = <K extends string>(table: Readonly<Record<K, unknown>>, key: string): key is K =>
  Object.hasOwn(table, key);

const equals = (attribute: string, value: unknown): Expression => {
  // Theirs would hold for somebody without the attribute, too.
  if (value === "null") return unknown;
  if (value === 0)
    return not(
      any([
        leafOf({ attribute, operator: "lessThan", value }),
        leafOf({ attribute, operator: "greaterThan", value }),
      ]),
    );
  if (typeof value === "number") return equalsNumber(attribute, value);
  return typeof value === "string" || typeof value === "boolean"
    ? leafOf({ attribute, operator: "equals", value })
    : unknown;
};

/** With `$eq` nobody without the attribute is equal to anything. */
const strictlyEquals = (attribute: string, value: unknown): Expression => {
  if (typeof value === "number") return equalsNumber(attribute, value);
  return typeof value === "string" || typeof value === "boolean"
    ? leafOf({ attribute, operator: "equals", value })
    : unknown;
};

const isIn = (attribute: string, values: unknown): Expression => {
  const parsed = Scalars.safeParse(values);
  return parsed.success ? isOneOf(attribute, parsed.data) : unknown;
};

/** A pattern that is only text, with anchors or without. */
const matches = (attribute: string, pattern: unknown): Expression => {
  if (typeof pattern !== "string") return unknown;
  const [, begin, body = "", end] =
    /^(\^?)((?:[\w @:,=<>"'!~%&;#-]|\\[.\\/@+*?()[\]{}|^$-])*)(\$?)$/.exec(pattern) ?? [];
  const value = body.replaceAll(/\\(.)/g, "$1");
  if (value === "") return unknown;
  // Nobody without the attribute has a text there that reads "null".
  if (new RegExp(pattern).test("null")) return unknown;
  if (begin === "^" && end === "$") return leafOf({ attribute, operator: "equals", value });
  const operator = begin === "^" ? "startsWith" : end === "$" ? "endsWith" : "contains";
  return leafOf({ attribute, operator, value });
};

/** One element has to meet all of it; Sluice may take another element for each part. */
const elementOf = (attribute: string, expected: unknown): Expression => {
  if (!isFields(expected)) return unknown;
  const [[operator, value] = ["", undefined], ...more] = Object.entries(expected);
  if (more.length > 0) return unknown;
  if (operator === "$eq") return strictlyEquals(attribute, value);
  return operator === "$in" ? isIn(attribute, value) : unknown;
};

const groupValues = (id: unknown, groups: SavedGroups): unknown => {
  const group = typeof id === "string" && Object.hasOwn(groups, id) ? groups[id] : undefined;
  return isFields(group) && group["type"] === "list" ? group["values"] : group;
};

const operatorOf = (attribute: string, operator: string, expected: unknown, reading: Reading): Expression => {
  if (has(NEGATED_VERSION_OPERATORS, operator))
    return not(operatorOf(attribute, NEGATED_VERSION_OPERATORS[operator], expected, reading));
  if (has(VERSION_OPERATORS, operator))
    return typeof expected === "string" && VERSION.test(expected)
      ? leafOf({ attribute, operator: VERSION_OPERATORS[operator], value: expected })
      : unknown;
  if (has(NUMBER_OPERATORS, operator))
    return typeof expected === "number"
      ? compareOrZero(attribute, NUMBER_OPERATORS[operator], expected)
      : unknown;
  switch (operator) {
    case "$eq":
      return strictlyEquals(attribute, expected);
    case "$ne":
      return not(strictlyEquals(attribute, expected));
    case "$in":
      return isIn(attribute, expected);
    case "$nin":
      return not(isIn(attribute, expected));
    case "$inGroup":
      return isIn(attribute, groupValues(expected, reading.groups));
    case "$notInGroup":
      return not(isIn(attribute, groupValues(expected, reading.groups)));
    case "$not":
      return not(valueOf(attribute, expected, reading));
    case "$all": {
      const parsed = Scalars.safeParse(expected);
      return parsed.success ? all(parsed.data.map((value) => equals(attribute, value))) : unknown;
    }
    case "$elemMatch":
      return elementOf(attribute, expected);
    case "$regex":
      return matches(attribute, expected);
    default:
      return unknown;
  }
};

const valueOf = (attribute: string, condition: unknown, reading: Reading): Expression => {
  if (!spend(reading.budget)) return unknown;
  if (!isFields(condition)) return equals(attribute, condition);
  const entries = Object.entries(condition);
  if (entries.length === 0 || entries.some(([key]) => !key.startsWith("$"))) return unknown;
  return all(entries.map(([operator, expected]) => operatorOf(attribute, operator, expected, reading)));
};

const savedGroup = (reference: unknown, reading: Reading): Expression => {
  const id = isFields(reference) ? reference["id"] : undefined;
  if (typeof id !== "string" || reading.within.has(id) || !Object.hasOwn(reading.groups, id)) return unknown;
  const group = reading.groups[id];
  if (!isFields(group)) return unknown;
  const key = (isFields(reference) ? reference["attributeKey"] : undefined) ?? group["attributeKey"];
  if (group["type"] === "list")
    return typeof key === "string" ? isIn(attributeOf(key, reading.names), group["values"]) : unknown;
  return group["type"] === "condition"
    ? conditionOf(group["condition"], { ...reading, within: new Set(reading.within).add(id) })
    : unknown;
};

const listOf = (value: unknown): readonly unknown[] | null => (Array.isArray(value) ? value : null);

export const conditionOf = (condition: unknown, reading: Reading): Expression => {
  if (!isFields(condition) || !spend(reading.budget)) return unknown;
  const part = ([key, value]: [string, unknown]): Expression => {
    const several = () => listOf(value)?.map((one) => conditionOf(one, reading)) ?? [unknown];
    switch (key) {
      case "$and":
        return all(several());
      case "$or":
        return Array.isArray(value) && value.length === 0 ? constant(true) : any(several());
      case "$nor":
        return Array.isArray(value) && value.length === 0 ? constant(false) : not(any(several()));
      case "$not":
        return not(conditionOf(value, reading));
      case "$savedGroup":
        return savedGroup(value, reading);
      default:
        return key.startsWith("$") ? unknown : valueOf(attributeOf(key, reading.names), value, reading);
    }
  };
  return all(Object.entries(condition).map(part));
};
