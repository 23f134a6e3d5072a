// Unleash: the document of its export API (Admin API, /api/admin/features-batch/export), or what its client API answers
// (/api/client/features). A feature is on when one of its strategies holds; a strategy when all its constraints do.
import { z } from "zod";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { attributeOf, equalsNumber, isOneOf, leafOf, type AttributeNames } from "./attributes.ts";
import { all, any, constant, not, unknown, type Expression } from "./expression.ts";
import {
  audienceOf,
  bucketingNote,
  changed,
  conditionNote,
  dropped,
  holdoutFor,
  idNotes,
  idsFor,
  kept,
  newBudget,
  quoted,
  spend,
  tagsOf,
  textsOf,
  type Budget,
  type Imported,
  type Note,
  type Step,
} from "./imported.ts";
import { settleRequirements } from "./requirements.ts";

const Constraint = z.looseObject({
  contextName: z.string(),
  operator: z.string(),
  values: z.array(z.string()).nullish(),
  value: z.string().nullish(),
  inverted: z.boolean().nullish(),
  caseInsensitive: z.boolean().nullish(),
});
type Constraint = z.infer<typeof Constraint>;

const Strategy = z.looseObject({
  name: z.string(),
  featureName: z.string().optional(),
  disabled: z.boolean().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  constraints: z.array(Constraint).nullish(),
  segments: z.array(z.number()).nullish(),
  variants: z.array(z.unknown()).nullish(),
});
type Strategy = z.infer<typeof Strategy>;

const Parent = z.looseObject({
  feature: z.string(),
  enabled: z.boolean().nullish(),
  variants: z.array(z.string()).nullish(),
});
const Feature = z.looseObject({
  name: z.string(),
  description: z.string().nullish(),
  project: z.string().nullish(),
  stale: z.boolean().nullish(),
  archived: z.boolean().nullish(),
  enabled: z.boolean().nullish(),
  strategies: z.array(Strategy).nullish(),
  dependencies: z.array(Parent).nullish(),
  variants: z.array(z.unknown()).nullish(),
});
type Feature = z.infer<typeof Feature>;

const Document = z.looseObject({
  features: z.array(Feature),
  featureStrategies: z.array(Strategy).nullish(),
  featureEnvironments: z
    .array(
      z.looseObject({
        featureName: z.string().optional(),
        name: z.string().optional(),
        environment: z.string().nullish(),
        enabled: z.boolean().nullish(),
        variants: z.array(z.unknown()).nullish(),
      }),
    )
    .nullish(),
  featureTags: z
    .array(
      z.looseObject({
        featureName: z.string(),
        tagType: z.string().nullish(),
        tagValue: z.string().nullish(),
        type: z.string().nullish(),
        value: z.string().nullish(),
      }),
    )
    .nullish(),
  segments: z
    .array(
      z.looseObject({
        id: z.number(),
        name: z.string().nullish(),
        constraints: z.array(Constraint).nullish(),
      }),
    )
    .nullish(),
  dependencies: z.array(z.looseObject({ feature: z.string(), dependencies: z.array(Parent) })).nullish(),
  links: z
    .array(z.looseObject({ feature: z.string(), links: z.array(z.looseObject({ url: z.string() })) }))
    .nullish(),
});

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

type Reading = {
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

type Segments = ReadonlyMap<
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

type Read = { readonly steps: readonly Step[]; readonly by: readonly string[] };

const readStrategies = (strategies: readonly Strategy[], segments: Segments, reading: Reading): Read => {
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

const unitOf = (by: readonly string[]): { unit: "visitor" | "user"; notes: Note[] } => {
  const isUser = by.length > 0 && by.every((one) => one === "userId");
  if (by.length === 0) return { unit: "visitor", notes: [] };
  return {
    unit: isUser ? "user" : "visitor",
    notes: [
      bucketingNote(`stickiness ${[...new Set(by)].map((one) => quoted(one)).join(", ")}`),
      ...(isUser
        ? []
        : [
            changed(
              "unit",
              "drawn by Sluice's cookie: a visitor keeps its cohort when it signs in, and those without what Unleash draws by take part",
            ),
          ]),
    ],
  };
};

/** `environment`: of several in the file, the one that is imported. */
export const importUnleash = (
  json: unknown,
  options: { names: AttributeNames; environment: string | undefined },
): Result<Imported[], string> => {
  const parsed = Document.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return err(`this is no export of Unleash: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
  }
  const { features, featureStrategies, featureEnvironments, featureTags, dependencies, links } = parsed.data;
  const environments = [
    ...new Set((featureEnvironments ?? []).flatMap(({ environment }) => environment ?? [])),
  ];
  if (environments.length > 1 && options.environment === undefined)
    return err(`the file has the environments ${environments.join(", ")}: name one with --environment`);
  if (
    options.environment !== undefined &&
    environments.length > 0 &&
    !environments.includes(options.environment)
  )
    return err(`the file has no environment ${options.environment}, but ${environments.join(", ")}`);
  const isWanted = (environment: unknown) =>
    typeof environment !== "string" ||
    options.environment === undefined ||
    environment === options.environment;

  const segments: Segments = new Map(
    (parsed.data.segments ?? []).map(({ id, name, constraints }) => [
      id,
      { name: name ?? String(id), constraints: constraints ?? null },
    ]),
  );
  const ids = idsFor(features.map(({ name }) => name));
  const strategiesOf = Map.groupBy(
    (featureStrategies ?? []).filter((strategy) => isWanted(strategy["environment"])),
    ({ featureName }) => featureName ?? "",
  );
  const environmentsOf = Map.groupBy(
    (featureEnvironments ?? []).filter(({ environment }) => isWanted(environment)),
    ({ featureName, name }) => featureName ?? name ?? "",
  );
  const tagsByName = Map.groupBy(featureTags ?? [], ({ featureName }) => featureName);
  const parentsByName = new Map((dependencies ?? []).map((one) => [one.feature, one.dependencies]));
  const linksByName = new Map((links ?? []).map((one) => [one.feature, one.links]));
  const byName = new Map(features.map((feature) => [feature.name, feature]));
  const own = (feature: Feature) => feature.strategies ?? strategiesOf.get(feature.name) ?? [];
  const parentsOf = (feature: Feature) => feature.dependencies ?? parentsByName.get(feature.name) ?? [];

  const importFeature = (feature: Feature): Imported => {
    const featureId = ids.get(feature.name);
    if (featureId === undefined) throw new Error(`no id was made for ${feature.name}`);
    const notes: Note[] = [...idNotes(feature.name, featureId)];
    const note = (one: Note) => void notes.push(one);
    const budget = newBudget();
    const reading: Reading = { names: options.names, note, budget };
    if (feature.archived === true)
      return { name: feature.name, featureId, fields: null, notes: [dropped("feature", "it is archived")] };

    const environment = environmentsOf.get(feature.name)?.[0];
    const wasOn = feature.enabled ?? environment?.enabled ?? false;
    note(changed("enabled", `closed; ${wasOn ? "on" : "off"} in Unleash`));
    const variants = (feature.variants ?? []).length + (environment?.variants ?? []).length;
    if (variants > 0) note(dropped("variants", `${variants}: a feature of Sluice is on or off`));
    if (feature.stale === true) note(dropped("stale", "it is marked as stale"));

    const { steps, by } = readStrategies(own(feature), segments, reading);
    const required = new Set<FeatureId>();
    const within: Expression[] = [];
    let share = 1;
    for (const parent of parentsOf(feature)) {
      const target = byName.get(parent.feature);
      const parentId = ids.get(parent.feature);
      if (
        !spend(budget) ||
        target === undefined ||
        parentId === undefined ||
        parentsOf(target).length > 0 ||
        parent.enabled === false ||
        (parent.variants ?? []).length > 0
      ) {
        const why =
          target === undefined
            ? "it is not in the file"
            : parentsOf(target).length > 0
              ? "it depends on another feature itself, which Unleash does not follow"
              : "Sluice can only ask that it is open, and not for it to be off or of a variant";
        note(dropped("dependency", `${quoted(parent.feature)}: ${why}, so nobody gets this feature`));
        within.push(unknown);
        continue;
      }
      required.add(parentId);
      // Unleash asks whether the parent is on for the same user.
      const silent: Reading = { names: options.names, note: () => {}, budget };
      const audience = audienceOf(readStrategies(own(target), segments, silent).steps);
      share = Math.min(share, audience.rolloutBps / 10_000);
      within.push(audience.when);
      note(
        changed(
          "dependency",
          `${quoted(parent.feature)} has to be open; its targeting stands in this feature's, and its rollout is the most that this one has`,
        ),
      );
    }
    const audience = audienceOf(
      steps.map(({ when, on }) => ({ when: all([when, ...within]), on: Math.min(on, share) })),
    );
    notes.push(...audience.notes);
    const unit = unitOf(by);
    const holdout = holdoutFor(audience.rolloutBps);
    notes.push(...unit.notes, ...holdout.notes);

    const tags = tagsOf([
      ...(tagsByName.get(feature.name) ?? []).map(({ tagType, type, tagValue, value }) => {
        const kind = tagType ?? type ?? "simple";
        const text = tagValue ?? value ?? "";
        return kind === "simple" ? text : `${kind}:${text}`;
      }),
      ...(feature.project === undefined || feature.project === null || feature.project === "default"
        ? []
        : [`project:${feature.project}`]),
    ]);
    notes.push(...tags.notes);
    const texts = textsOf({
      description: feature.description,
      link: linksByName.get(feature.name)?.[0]?.url,
    });
    notes.push(...texts.notes);
    return {
      name: feature.name,
      featureId,
      fields: {
        ...texts.texts,
        ...(tags.tags.length === 0 ? {} : { tags: tags.tags }),
        ...(required.size === 0 ? {} : { requires: [...required] }),
        unit: unit.unit,
        rolloutBps: audience.rolloutBps,
        holdoutBps: holdout.holdoutBps,
        targeting: audience.targeting,
      },
      notes,
    };
  };
  return ok(settleRequirements(features.map(importFeature)));
};
