// Strategies, constraints and segments of Unleash as conditions and shares. A feature is on when one of its strategies holds; a
// strategy when all its constraints do.
import { attributeOf, equalsNumber, isOneOf, leafOf, type AttributeNames } from "./attributes.ts";
import { all, any, constant, not, unknown, type Expression } from "./expression.ts";
import {
  changed,
  conditionNote,
  dropped,
  kept,
  quoted,
  spend,
  type Budget,
  type Note,
  type Step,
} from "./imported.ts";
import type { Constraint, Strategy } from "./unleash-export.ts";

const STRICT_VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const VERSION_OPERATORS = {
  SEMVER_EQ: "versionEquals",
  SEMVER_LT: "versionLessThan",
  SEMVER_LTE: "versionAtMost",
  SEMVER_GT: "versionGreaterThan",
  SEMVER_GTE: "versionAtLeast",
} as const;
const NUMBER_OPERATORS = {
  NUM_LT: "lessThan",
  NUM_LTE: "atMost",
  NUM_GT: "greaterThan",
  NUM_GTE: "atLeast",
} as const;
const TEXT_OPERATORS = {
  STR_STARTS_WITH: "startsWith",
  STR_ENDS_WITH: "endsWith",
  STR_CONTAINS: "contains",
} as const;

const isKeyOf = <K extends string>(table: Readonly<Record<K, unknown>>, key: string): key is K =>
  Object.hasOwn(table, key);

const testOf = (constraint: Constraint, attribute: string): Expression => {
  const { operator, caseInsensitive, value } = constraint;
  // As Unleash's clients do.
  const values = (constraint.values ?? []).filter((text) => text !== "").map((text) => text.trim());
  if (operator === "IN" || operator === "NOT_IN") {
    if (caseInsensitive === true) return unknown;
    const isIn = isOneOf(attribute, values);
    return operator === "IN" ? isIn : not(isIn);
  }
  if (isKeyOf(TEXT_OPERATORS, operator))
    return caseInsensitive === true
      ? unknown
      : any(values.map((text) => leafOf({ attribute, operator: TEXT_OPERATORS[operator], value: text })));
  if (operator === "NUM_EQ" || isKeyOf(NUMBER_OPERATORS, operator)) {
    const number = Number(value ?? Number.NaN);
    if (Number.isNaN(number)) return constant(false);
    return operator === "NUM_EQ"
      ? equalsNumber(attribute, number)
      : leafOf({ attribute, operator: NUMBER_OPERATORS[operator], value: number });
  }
  if (isKeyOf(VERSION_OPERATORS, operator))
    return STRICT_VERSION.test(value ?? "")
      ? leafOf({ attribute, operator: VERSION_OPERATORS[operator], value: value ?? "" })
      : constant(false);
  return unknown;
};

export type Reading = {
  readonly names: AttributeNames;
  readonly note: (note: Note) => void;
  readonly budget: Budget;
};

const textOf = ({ contextName, operator, values, value, inverted }: Constraint): string =>
  quoted(
    `${inverted === true ? "not " : ""}${contextName} ${operator} ${values?.join(", ") || (value ?? "")}`,
  );

const constraintOf = (constraint: Constraint, { names, note, budget }: Reading): Expression => {
  if (!spend(budget)) return unknown;
  const attribute = attributeOf(constraint.contextName, names);
  const test = testOf(constraint, attribute);
  note(conditionNote("constraint", `${textOf(constraint)}, by ${attribute}`, test));
  if (constraint.operator.startsWith("SEMVER_"))
    note(
      changed(
        "constraint",
        `${constraint.contextName}: versions such as v1.2 count too; Unleash refuses them`,
      ),
    );
  return constraint.inverted === true ? not(test) : test;
};

const numberIn = (parameters: Strategy["parameters"], name: string): number => {
  const number = Number(parameters?.[name] ?? Number.NaN);
  return number > 0 ? Math.min(100, number) / 100 : 0;
};

type Drawn = { readonly when: Expression; readonly on: number; readonly by: string | null };

/** A strategy by itself, without its constraints. `by`: what it draws lots by. */
const strategyOf = ({ name, parameters }: Strategy, { names, note }: Reading): Drawn => {
  const everybody = constant(true);
  switch (name) {
    case "default":
      return { when: everybody, on: 1, by: null };
    case "flexibleRollout": {
      const stickiness = parameters?.["stickiness"];
      const by = typeof stickiness === "string" && stickiness !== "" ? stickiness : "default";
      return { when: everybody, on: numberIn(parameters, "rollout"), by };
    }
    case "gradualRolloutUserId":
      return { when: everybody, on: numberIn(parameters, "percentage"), by: "userId" };
    case "gradualRolloutSessionId":
      return { when: everybody, on: numberIn(parameters, "percentage"), by: "sessionId" };
    case "gradualRolloutRandom":
      return { when: everybody, on: numberIn(parameters, "percentage"), by: "random" };
    case "userWithId": {
      const ids = parameters?.["userIds"];
      const list = typeof ids === "string" && ids !== "" ? ids.split(/\s*,\s*/) : [];
      const attribute = attributeOf("userId", names);
      note(kept("strategy", `userWithId: ${list.length} ids, by ${attribute}`));
      return { when: isOneOf(attribute, list), on: 1, by: null };
    }
    default:
      note(
        dropped("strategy", `${quoted(name)}: Sluice has no such strategy, so nobody gets the feature by it`),
      );
      return { when: unknown, on: 1, by: null };
  }
};

export type Segments = ReadonlyMap<
  number,
  { readonly name: string; readonly constraints: readonly Constraint[] | null }
>;

const segmentOf = (id: number, segments: Segments, reading: Reading): Expression => {
  const segment = segments.get(id);
  if (segment === undefined || segment.constraints === null) {
    reading.note(
      dropped(
        "segment",
        `${quoted(segment?.name ?? id)}: its constraints are not in the file, so nobody passes it`,
      ),
    );
    return unknown;
  }
  reading.note(
    kept("segment", `${quoted(segment.name)}: its constraints stand in the feature's own targeting`),
  );
  return all(segment.constraints.map((constraint) => constraintOf(constraint, reading)));
};

/** `by`: what its strategies draw lots by. */
export type ReadStrategies = { readonly steps: readonly Step[]; readonly by: readonly string[] };

export const readStrategies = (
  strategies: readonly Strategy[],
  segments: Segments,
  reading: Reading,
): ReadStrategies => {
  const by: string[] = [];
  const steps = strategies.flatMap((strategy): Step[] => {
    if (!spend(reading.budget)) return [{ when: unknown, on: 1 }];
    if (strategy.disabled === true) {
      reading.note(dropped("strategy", `${quoted(strategy.name)}: it is disabled`));
      return [];
    }
    const drawn = strategyOf(strategy, reading);
    if (drawn.by !== null) by.push(drawn.by);
    if ((strategy.variants ?? []).length > 0)
      reading.note(
        dropped("variants", `${strategy.variants?.length} of a strategy: a feature of Sluice is on or off`),
      );
    const constraints = (strategy.constraints ?? []).map((one) => constraintOf(one, reading));
    const own = [...new Set(strategy.segments)].map((id) => segmentOf(id, segments, reading));
    return [{ when: all([drawn.when, ...constraints, ...own]), on: drawn.on }];
  });
  // Unleash: no strategy, or a feature without any, is on for everybody.
  return { steps: strategies.length === 0 ? [{ when: constant(true), on: 1 }] : steps, by };
};
