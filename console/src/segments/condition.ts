// A segment's condition as rows that people edit, and back. What rows cannot say stays a document (`json`).
import type { Condition } from "../client.gen.ts";

export const OPERATORS = {
  equals: "is",
  in: "is one of",
  startsWith: "starts with",
  endsWith: "ends with",
  contains: "contains",
  lessThan: "is less than",
  atMost: "is at most",
  greaterThan: "is greater than",
  atLeast: "is at least",
  versionEquals: "is the version",
  versionLessThan: "is a version before",
  versionAtMost: "is a version up to",
  versionGreaterThan: "is a version after",
  versionAtLeast: "is a version from",
  segment: "is in the segment",
} as const;
export type Operator = keyof typeof OPERATORS;

const NUMERIC: ReadonlySet<Operator> = new Set(["lessThan", "atMost", "greaterThan", "atLeast"]);

/** `attribute` counts for nothing where the operator is `segment`. */
export type Row = {
  readonly attribute: string;
  readonly operator: Operator;
  readonly value: string;
  readonly isNegated: boolean;
};
export type Rowed = { readonly join: "and" | "or"; readonly rows: readonly Row[] };

export const EMPTY_ROW: Row = { attribute: "country", operator: "in", value: "", isNegated: false };

const isText = (value: unknown): value is string => typeof value === "string";

const rowOf = (condition: Condition, isNegated = false): Row | null => {
  if ("segment" in condition)
    return { attribute: "", operator: "segment", value: condition.segment, isNegated };
  if ("condition" in condition) return isNegated ? null : rowOf(condition.condition, true);
  if ("conditions" in condition) return null;
  const { attribute } = condition;
  if (condition.operator === "in")
    return condition.values.every((value) => isText(value) && !value.includes(","))
      ? { attribute, operator: "in", value: condition.values.join(", "), isNegated }
      : null;
  if (condition.operator === "equals" && !isText(condition.value)) return null;
  return { attribute, operator: condition.operator, value: String(condition.value), isNegated };
};

/** null: it has a form that rows cannot show. */
export const rowsOf = (condition: Condition): Rowed | null => {
  const isList = "conditions" in condition;
  const rows = (isList ? condition.conditions : [condition]).map((each) => rowOf(each));
  const join = isList ? condition.operator : "and";
  return rows.every((row) => row !== null) ? { join, rows } : null;
};

const conditionOfRow = ({ attribute, operator, value, isNegated }: Row): Condition => {
  const text = value.trim();
  const plain = (): Condition => {
    if (operator === "segment") return { segment: text };
    if (operator === "in")
      return {
        attribute,
        operator,
        values: text
          .split(",")
          .map((each) => each.trim())
          .filter((each) => each !== ""),
      };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the operator says which kind of value it has
    return { attribute, operator, value: NUMERIC.has(operator) ? Number(text) : text } as Condition;
  };
  return isNegated ? { operator: "not", condition: plain() } : plain();
};

export const conditionOf = ({ join, rows }: Rowed): Condition => {
  const [first, ...others] = rows.map(conditionOfRow);
  return others.length === 0 && first !== undefined
    ? first
    : { operator: join, conditions: rows.map(conditionOfRow) };
};

const sentenceOfRow = ({ attribute, operator, value, isNegated }: Row): string =>
  `${operator === "segment" ? "who" : attribute} ${isNegated ? "not: " : ""}${OPERATORS[operator]} ${value}`;

/** As a person would say it; what is nested deeper, as it is stored. */
export const sentenceOf = (condition: Condition): string => {
  const rowed = rowsOf(condition);
  return rowed === null
    ? JSON.stringify(condition)
    : rowed.rows.map(sentenceOfRow).join(rowed.join === "and" ? ", and " : ", or ");
};
