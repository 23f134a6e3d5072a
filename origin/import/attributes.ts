// Names of attributes in the other system's context, and what Sluice reads in their place.
import { Targeting, type Leaf } from "../../shared/features/targeting.ts";
import { all, any, constant, leaf, not, unknown, type Expression } from "./expression.ts";

export type AttributeNames = Readonly<Record<string, string>>;

/** Who is asked, and where: else a name is the claim of that name. */
export const COMMON_NAMES: AttributeNames = {
  userId: "claim:sub",
  targetingKey: "claim:sub",
  country: "country",
};

export const attributeOf = (name: string, names: AttributeNames): string => {
  if (Object.hasOwn(names, name)) return names[name] ?? "";
  return Object.hasOwn(COMMON_NAMES, name) ? (COMMON_NAMES[name] ?? "") : `claim:${name}`;
};

const MAX_VALUES = 500;

/** Unknown where Sluice does not take the name, the value or the operator. */
export const leafOf = (of: Leaf): Expression => (Targeting.safeParse(of).success ? leaf(of) : unknown);

export const isOneOf = (attribute: string, values: readonly (string | number | boolean)[]): Expression => {
  if (values.length === 0) return constant(false);
  if (values.length === 1) return leafOf({ attribute, operator: "equals", value: values[0] ?? "" });
  const groups = Array.from({ length: Math.ceil(values.length / MAX_VALUES) }, (_, at) =>
    leafOf({ attribute, operator: "in", values: values.slice(at * MAX_VALUES, (at + 1) * MAX_VALUES) }),
  );
  return any(groups);
};

export const equalsNumber = (attribute: string, value: number): Expression =>
  all([leafOf({ attribute, operator: "atLeast", value }), leafOf({ attribute, operator: "atMost", value })]);

const OPPOSITE = {
  lessThan: "atLeast",
  atMost: "greaterThan",
  greaterThan: "atMost",
  atLeast: "lessThan",
} as const;

/** Where a missing number counts as 0: what does not hold for it is asked, and negated where it would. */
export const compareOrZero = (
  attribute: string,
  operator: keyof typeof OPPOSITE,
  value: number,
): Expression => {
  const holdsForZero = {
    lessThan: 0 < value,
    atMost: 0 <= value,
    greaterThan: 0 > value,
    atLeast: 0 >= value,
  };
  return holdsForZero[operator]
    ? not(leafOf({ attribute, operator: OPPOSITE[operator], value }))
    : leafOf({ attribute, operator, value });
};
