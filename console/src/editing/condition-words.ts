// The parts of a condition in words, and how a text that is typed becomes its value.
import type { Condition } from "../client.gen.ts";

export type Leaf = Extract<Condition, { attribute: string }>;

/** `named`: what a name of this kind looks like; null: there is only one of it. */
export const ATTRIBUTES = [
  { kind: "country", word: "Country", named: null },
  { kind: "path", word: "Path", named: null },
  { kind: "device", word: "Device", named: null },
  { kind: "header", word: "Header", named: "accept-language" },
  { kind: "cookie", word: "Cookie", named: "plan" },
  { kind: "claim", word: "Claim", named: "email" },
] as const;

export const namesOf = (kind: string): string | null =>
  ATTRIBUTES.find((each) => each.kind === kind)?.named ?? null;

export const attributeOf = (attribute: string): { readonly kind: string; readonly name: string } => {
  const at = attribute.indexOf(":");
  return at < 0
    ? { kind: attribute, name: "" }
    : { kind: attribute.slice(0, at), name: attribute.slice(at + 1) };
};

export const OPERATORS = [
  { operator: "equals", word: "is" },
  { operator: "in", word: "is one of" },
  { operator: "startsWith", word: "starts with" },
  { operator: "endsWith", word: "ends with" },
  { operator: "contains", word: "contains" },
  { operator: "lessThan", word: "<" },
  { operator: "atMost", word: "≤" },
  { operator: "greaterThan", word: ">" },
  { operator: "atLeast", word: "≥" },
  { operator: "versionEquals", word: "is version" },
  { operator: "versionLessThan", word: "version <" },
  { operator: "versionAtMost", word: "version ≤" },
  { operator: "versionGreaterThan", word: "version >" },
  { operator: "versionAtLeast", word: "version ≥" },
] as const;
type Operator = Leaf["operator"];

const isOperator = (text: string): text is Operator => OPERATORS.some(({ operator }) => operator === text);
const isNumeric = (operator: Operator): boolean =>
  operator === "lessThan" || operator === "atMost" || operator === "greaterThan" || operator === "atLeast";

export const operatorNameOf = (operator: string): string =>
  OPERATORS.find((each) => each.operator === operator)?.word ?? operator;

export const textOf = (leaf: Leaf): string =>
  "values" in leaf ? leaf.values.join(", ") : leaf.value === undefined ? "" : String(leaf.value);

const listOf = (text: string): string[] =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");

/** A number where the operator compares numbers; what is none stays text, and the API says what is wrong with it. */
const scalarOf = (operator: Operator, text: string): string | number =>
  isNumeric(operator) && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;

/** The parts belong together as the operator says; what does not fit is the API's to refuse, at its field. */
const leafOf = (attribute: string, operator: Operator, text: string): Leaf =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the API checks it
  (operator === "in"
    ? { attribute, operator, values: listOf(text) }
    : { attribute, operator, value: scalarOf(operator, text) }) as Leaf;

export const withOperator = (leaf: Leaf, operator: string): Leaf =>
  isOperator(operator) ? leafOf(leaf.attribute, operator, textOf(leaf)) : leaf;

/** A country is written in upper case, as the edge has it. */
export const withText = (leaf: Leaf, text: string): Leaf =>
  leafOf(leaf.attribute, leaf.operator, leaf.attribute === "country" ? text.toUpperCase() : text.trim());

export const leafText = (leaf: Leaf): string =>
  `${leaf.attribute} ${operatorNameOf(leaf.operator)} ${textOf(leaf)}`;
