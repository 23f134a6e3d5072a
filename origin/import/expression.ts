// What another system asks of a user, as far as Sluice can ask it too. What it cannot ask is narrowed: the imported
// targeting never holds for somebody for whom theirs does not.
import { Targeting, type Condition, type Leaf } from "../../shared/features/targeting.ts";

export type Expression =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "leaf"; readonly leaf: Leaf }
  /** Sluice has no such condition. */
  | { readonly kind: "unknown" }
  | { readonly kind: "all" | "any"; readonly of: readonly Expression[] }
  | { readonly kind: "not"; readonly of: Expression };

export const constant = (value: boolean): Expression => ({ kind: "constant", value });
export const unknown: Expression = { kind: "unknown" };
export const leaf = (of: Leaf): Expression => ({ kind: "leaf", leaf: of });
export const all = (of: readonly Expression[]): Expression => ({ kind: "all", of });
export const any = (of: readonly Expression[]): Expression => ({ kind: "any", of });
export const not = (of: Expression): Expression => ({ kind: "not", of });

type Narrowed = Condition | boolean;

const negated = (condition: Narrowed): Narrowed => {
  if (typeof condition === "boolean") return !condition;
  return condition.operator === "not" ? condition.condition : { operator: "not", condition };
};

const combined = (operator: "and" | "or", parts: readonly Narrowed[]): Narrowed => {
  const absorbing = operator === "or";
  if (parts.includes(absorbing)) return absorbing;
  const conditions = parts
    .filter((part) => typeof part !== "boolean")
    // An `or` within an `or` says nothing more, and would make the tree deeper.
    .flatMap((part) => (part.operator === operator ? part.conditions : [part]));
  const unique = [...new Map(conditions.map((one) => [JSON.stringify(one), one])).values()];
  const [first] = unique;
  if (first === undefined) return !absorbing;
  return unique.length === 1 ? first : { operator, conditions: unique };
};

/** `positive`: holds for nobody beyond the expression. Else: holds for everybody within it, and is to be negated. */
const narrow = (expression: Expression, positive: boolean): Narrowed => {
  switch (expression.kind) {
    case "constant":
      return expression.value;
    case "unknown":
      return !positive;
    case "leaf":
      return expression.leaf;
    case "not":
      return negated(narrow(expression.of, !positive));
    case "all":
      return combined(
        "and",
        expression.of.map((one) => narrow(one, positive)),
      );
    case "any":
      return combined(
        "or",
        expression.of.map((one) => narrow(one, positive)),
      );
  }
};

/** A tree of conditions; true: everybody, false: nobody; "tooLarge": more than a feature's targeting may have. */
export const narrowed = (expression: Expression): Condition | boolean | "tooLarge" => {
  const condition = narrow(expression, true);
  if (typeof condition === "boolean") return condition;
  return Targeting.safeParse(condition).success ? condition : "tooLarge";
};

/** How much of the expression Sluice can ask. */
export const extentOf = (expression: Expression): "whole" | "part" | "nothing" => {
  if (!hasUnknown(expression)) return "whole";
  return narrow(expression, true) === false && narrow(expression, false) === true ? "nothing" : "part";
};

const hasUnknown = (expression: Expression): boolean => {
  switch (expression.kind) {
    case "unknown":
      return true;
    case "all":
    case "any":
      return expression.of.some(hasUnknown);
    case "not":
      return hasUnknown(expression.of);
    case "constant":
    case "leaf":
      return false;
  }
};

/** Every path begins with a slash. */
export const NOBODY: Condition = {
  operator: "not",
  condition: { attribute: "path", operator: "startsWith", value: "/" },
};
