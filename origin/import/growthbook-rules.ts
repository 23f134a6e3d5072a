// The rules of a feature of GrowthBook as conditions and shares. The first rule that holds decides the value; without one the feature
// has its default.
import type { AttributeNames } from "./attributes.ts";
import { all, constant, unknown, type Expression } from "./expression.ts";
import { conditionOf, type SavedGroups } from "./growthbook-condition.ts";
import type { Definition, Rule } from "./growthbook-payload.ts";
import {
  changed,
  conditionNote,
  dropped,
  quoted,
  spend,
  type Budget,
  type Note,
  type Step,
} from "./imported.ts";

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

export type ReadRules = {
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

export const readRules = (
  definition: Definition,
  options: {
    names: AttributeNames;
    groups: SavedGroups;
    budget: Budget;
    /** Who is targeted by a feature that this one asks for; null: it is not in the file. */
    audienceOfParent: (name: string) => { when: Expression; on: number } | null;
  },
): ReadRules => {
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
