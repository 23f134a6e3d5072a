// GrowthBook: the payload of its SDKs (`/api/features/KEY`), or the features of its REST API (`/api/v1/features`). The first
// rule that holds decides a feature's value; without one it has its default.
import { z } from "zod";
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { AttributeNames } from "./attributes.ts";
import { all, constant, unknown, type Expression } from "./expression.ts";
import { conditionOf, type SavedGroups } from "./growthbook-condition.ts";
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

const Parent = z.looseObject({ id: z.string(), condition: z.unknown(), gate: z.boolean().nullish() });
const Rule = z.looseObject({
  condition: z.unknown().optional(),
  force: z.unknown().optional(),
  coverage: z.number().nullish(),
  hashAttribute: z.string().nullish(),
  hashVersion: z.number().nullish(),
  variations: z.array(z.unknown()).nullish(),
  weights: z.array(z.number()).nullish(),
  namespace: z.tuple([z.string(), z.number(), z.number()]).nullish(),
  parentConditions: z.array(Parent).nullish(),
});
type Rule = z.infer<typeof Rule>;
const Definition = z.looseObject({ defaultValue: z.unknown().optional(), rules: z.array(Rule).nullish() });
type Definition = z.infer<typeof Definition>;

const Payload = z.looseObject({
  features: z.record(z.string(), Definition),
  savedGroups: z.record(z.string(), z.unknown()).nullish(),
});
const Listed = z.looseObject({
  features: z.array(
    z.looseObject({
      id: z.string(),
      archived: z.boolean().nullish(),
      description: z.string().nullish(),
      owner: z.string().nullish(),
      project: z.string().nullish(),
      tags: z.array(z.string()).nullish(),
      environments: z.record(
        z.string(),
        z.looseObject({ enabled: z.boolean().nullish(), definition: z.string().nullish() }),
      ),
    }),
  ),
});

/** What stands beside the rules. */
type About = {
  readonly archived?: boolean;
  readonly enabled?: boolean;
  readonly description?: unknown;
  readonly owner?: unknown;
  readonly tags?: readonly string[];
};
type Source = { readonly name: string; readonly about: About; readonly definition: Definition | null };

const parseDefinition = (text: string | null | undefined): Definition | null => {
  try {
    const parsed = Definition.safeParse(JSON.parse(text ?? "null"));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};

const readSources = (
  json: unknown,
  environment: string | undefined,
): Result<{ sources: Source[]; groups: SavedGroups }, string> => {
  const payload = Payload.safeParse(json);
  if (payload.success) {
    const { features, savedGroups } = payload.data;
    const sources = Object.entries(features).map(([name, definition]) => ({ name, about: {}, definition }));
    return ok({ sources, groups: savedGroups ?? {} });
  }
  const listed = Listed.safeParse(json);
  if (!listed.success) {
    const [issue] = payload.error.issues;
    return err(`this is no payload of GrowthBook: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
  }
  const environments = [...new Set(listed.data.features.flatMap((one) => Object.keys(one.environments)))];
  const wanted = environment ?? (environments.length === 1 ? environments[0] : undefined);
  if (wanted === undefined || (environments.length > 0 && !environments.includes(wanted)))
    return err(`the file has the environments ${environments.join(", ")}: name one with --environment`);
  const sources = listed.data.features.map(
    ({ id, archived, description, owner, project, tags, environments: all_ }) => {
      const own = Object.hasOwn(all_, wanted) ? all_[wanted] : undefined;
      return {
        name: id,
        about: {
          archived: archived === true,
          enabled: own?.enabled === true,
          description,
          owner,
          tags: [
            ...(tags ?? []),
            ...(typeof project === "string" && project !== "" ? [`project:${project}`] : []),
          ],
        },
        definition: parseDefinition(own?.definition),
      };
    },
  );
  return ok({ sources, groups: {} });
};

/** A feature that is no boolean is on where its value is not the default one. */
const makeIsOn = ({ defaultValue }: Definition, values: readonly unknown[]) => {
  const isBoolean = [defaultValue, ...values].every(
    (value) => typeof value === "boolean" || value === null || value === undefined,
  );
  const usual = JSON.stringify(defaultValue);
  return {
    isBoolean,
    isOn: (value: unknown) => (isBoolean ? value === true : JSON.stringify(value) !== usual),
  };
};

const valuesOf = ({ rules }: Definition): unknown[] =>
  (rules ?? []).flatMap((rule) => ("force" in rule ? [rule.force] : (rule.variations ?? [])));

/** The shares of an experiment's variations; equal ones where its weights are none. */
const weightsOf = ({ variations, weights }: Rule): readonly number[] => {
  const count = variations?.length ?? 0;
  const sum = (weights ?? []).reduce((total, weight) => total + weight, 0);
  return weights?.length === count && sum > 0.99 && sum < 1.01
    ? weights
    : Array.from({ length: count }, () => 1 / count);
};

type Read = {
  readonly steps: readonly Step[];
  /** The share that an experiment keeps without the feature, where it is the only rule. */
  readonly control: number | null;
  readonly by: readonly string[];
  readonly parents: readonly string[];
  readonly notes: readonly Note[];
};

const isTrueParent = (condition: unknown): boolean => {
  const text = JSON.stringify(condition);
  return text === '{"value":true}' || text === '{"value":{"$eq":true}}';
};

const KNOWN = new Set([
  "condition", "force", "coverage", "hashAttribute", "variations", "weights", "namespace", "parentConditions",
  "key", "name", "id", "phase", "seed", "hashVersion", "meta", "tracks", "minBucketVersion", "bucketVersion",
  "disableStickyBucketing", "fallbackAttribute",
]); // prettier-ignore

const readRules = (
  definition: Definition,
  options: {
    names: AttributeNames;
    groups: SavedGroups;
    budget: Budget;
    /** Who is targeted by a feature that this one asks for; null: it is not in the file. */
    audienceOfParent: (name: string) => { when: Expression; on: number } | null;
  },
): Read => {
  const { names, groups, budget, audienceOfParent } = options;
  const { isBoolean, isOn } = makeIsOn(definition, valuesOf(definition));
  const notes: Note[] = [];
  const by: string[] = [];
  const parents: string[] = [];
  const steps: Step[] = [];
  const controls: number[] = [];
  let gate: Expression = constant(true);
  let most = 1;
  if (!isBoolean)
    notes.push(
      changed(
        "values",
        `on where the value is not its default, ${quoted(definition.defaultValue)}: a feature of Sluice is on or off`,
      ),
    );

  const parentsOf = (rule: Rule): Expression =>
    all(
      (rule.parentConditions ?? []).map(({ id, condition }) => {
        const parent = isTrueParent(condition) ? audienceOfParent(id) : null;
        if (parent === null) {
          notes.push(
            dropped(
              "prerequisite",
              `${quoted(id)}: it is not in the file, or is asked for another value than true, so nobody passes it`,
            ),
          );
          return unknown;
        }
        parents.push(id);
        most = Math.min(most, parent.on);
        notes.push(
          changed("prerequisite", `${quoted(id)} has to be open; its targeting stands in this feature's`),
        );
        return parent.when;
      }),
    );

  for (const rule of definition.rules ?? []) {
    if (!spend(budget)) {
      notes.push(
        dropped(
          "rules",
          "there are more than Sluice's targeting may have, so nobody gets the feature by them",
        ),
      );
      gate = all([gate, unknown]);
      break;
    }
    // Its clients draw nobody by a hash that they do not know.
    const hasStrangeHash = ![undefined, null, 1, 2].includes(rule.hashVersion);
    const other = Object.keys(rule).filter(
      (key) => !KNOWN.has(key) || (key === "hashVersion" && hasStrangeHash),
    );
    const own =
      rule.condition === undefined
        ? constant(true)
        : conditionOf(rule.condition, { names, groups, within: new Set(), budget });
    const asked = parentsOf(rule);
    const isGate =
      rule.force === undefined && rule.variations === undefined && (rule.parentConditions ?? []).length > 0;
    if (isGate && rule.parentConditions?.every((one) => one.gate === true)) {
      gate = all([gate, asked]);
      continue;
    }
    const isStrange = other.length > 0;
    if (isStrange)
      notes.push(
        dropped(
          "rule",
          `it has ${other.map((key) => quoted(key)).join(", ")}, which Sluice does not know, so nobody gets the feature by it`,
        ),
      );
    const when = all([gate, own, asked, ...(isStrange ? [unknown] : [])]);
    if (rule.condition !== undefined) notes.push(conditionNote("condition", quoted(rule.condition), own));
    const coverage = Math.max(0, Math.min(1, rule.coverage ?? 1));
    const drawn = rule.variations !== undefined && rule.variations !== null;
    if (drawn || rule.coverage !== undefined) by.push(rule.hashAttribute ?? "id");
    if ("force" in rule) {
      // Beyond its coverage the next rules decide: a rule for off keeps all of them off, so that nobody gets it by mistake.
      steps.push({ when, on: isOn(rule.force) ? coverage : 0 });
      if (!isOn(rule.force) && coverage < 1)
        notes.push(
          changed(
            "rule",
            `it turns the feature off for ${coverage * 100} %; here for all who meet its condition`,
          ),
        );
    } else if (drawn) {
      const share = coverage * (rule.namespace ? Math.max(0, rule.namespace[2] - rule.namespace[1]) : 1);
      const weights = weightsOf(rule);
      const on = (rule.variations ?? []).reduce<number>(
        (sum, value, at) => sum + (isOn(value) ? (weights[at] ?? 0) : 0),
        0,
      );
      steps.push({ when, on: on * share });
      controls.push((1 - on) * share);
      if (rule.namespace)
        notes.push(
          dropped(
            "namespace",
            `${quoted(rule.namespace[0])}: experiments are not kept apart from one another`,
          ),
        );
    }
  }
  steps.push({ when: gate, on: isOn(definition.defaultValue) ? 1 : 0 });
  const capped = steps.map(({ when, on }) => ({ when, on: Math.min(on, most) }));
  const isOnlyExperiment = controls.length === 1 && capped.filter(({ on }) => on > 0).length === 1;
  return {
    steps: capped,
    control: isOnlyExperiment ? (controls[0] ?? null) : null,
    by,
    parents: [...new Set(parents)],
    notes,
  };
};

const USER_ATTRIBUTES = new Set(["userId", "user_id", "userID"]);

/** `environment`: of several in the file, the one that is imported. */
export const importGrowthBook = (
  json: unknown,
  options: { names: AttributeNames; environment: string | undefined },
): Result<Imported[], string> => {
  const read = readSources(json, options.environment);
  if (!read.ok) return read;
  const { sources, groups } = read.value;
  const { names } = options;
  const ids = idsFor(sources.map(({ name }) => name));
  const byName = new Map(sources.map((source) => [source.name, source]));

  const makeAudienceOfParent =
    (asking: ReadonlySet<string>, budget: Budget) =>
    (name: string): { when: Expression; on: number } | null => {
      const definition = byName.get(name)?.definition ?? null;
      if (definition === null || asking.has(name) || !spend(budget)) return null;
      const rules = readRules(definition, {
        names,
        groups,
        budget,
        audienceOfParent: makeAudienceOfParent(new Set(asking).add(name), budget),
      });
      const { when, rolloutBps } = audienceOf(rules.steps);
      return { when, on: rolloutBps / 10_000 };
    };

  return ok(
    settleRequirements(
      sources.map(({ name, about, definition }): Imported => {
        const featureId = ids.get(name);
        if (featureId === undefined) throw new Error(`no id was made for ${name}`);
        const none = (text: string): Imported => ({
          name,
          featureId,
          fields: null,
          notes: [dropped("feature", text)],
        });
        if (about.archived === true) return none("it is archived");
        if (definition === null) return none("the file does not have its definition in this environment");
        const budget = newBudget();
        const rules = readRules(definition, {
          names,
          groups,
          budget,
          audienceOfParent: makeAudienceOfParent(new Set([name]), budget),
        });
        const audience = audienceOf(rules.steps);
        const control = rules.control === null ? null : Math.floor(rules.control * 10_000 + 1e-6);
        const holdout =
          control !== null && control > 0 && audience.rolloutBps > 0
            ? {
                holdoutBps: Math.min(control, 10_000 - audience.rolloutBps),
                notes: [kept("holdout", "the experiment's other variations")],
              }
            : holdoutFor(audience.rolloutBps);
        const isUser = rules.by.length > 0 && rules.by.every((one) => USER_ATTRIBUTES.has(one));
        const tags = tagsOf(about.tags ?? []);
        const texts = textsOf(about);
        const requires = rules.parents.flatMap((parent): FeatureId[] => {
          const id = ids.get(parent);
          return id === undefined ? [] : [id];
        });
        return {
          name,
          featureId,
          fields: {
            ...texts.texts,
            ...(tags.tags.length === 0 ? {} : { tags: tags.tags }),
            ...(requires.length === 0 ? {} : { requires }),
            unit: isUser ? "user" : "visitor",
            rolloutBps: audience.rolloutBps,
            holdoutBps: holdout.holdoutBps,
            targeting: audience.targeting,
          },
          notes: [
            ...idNotes(name, featureId),
            changed(
              "enabled",
              about.enabled === undefined
                ? "closed"
                : `closed; ${about.enabled ? "on" : "off"} in GrowthBook`,
            ),
            ...rules.notes,
            ...audience.notes,
            ...(rules.by.length === 0
              ? []
              : [
                  bucketingNote(
                    `hashAttribute ${[...new Set(rules.by)].map((one) => quoted(one)).join(", ")}`,
                  ),
                ]),
            ...holdout.notes,
            ...tags.notes,
            ...texts.notes,
          ],
        };
      }),
    ),
  );
};
