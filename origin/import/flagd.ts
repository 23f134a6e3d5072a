// flagd: a flag definition file (https://flagd.dev/schema/v0/flags.json), JSON or YAML. Targeting names a variant; null is the
// default one.
import { z } from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import type { AttributeNames } from "./attributes.ts";
import { all, constant, unknown, type Expression } from "./expression.ts";
import { conditionOf, operationOf, resolved, type Reading } from "./flagd-condition.ts";
import {
  audienceOf,
  bucketingNote,
  changed,
  conditionNote,
  dropped,
  holdoutFor,
  idNotes,
  idsFor,
  MAX_STEPS,
  newBudget,
  quoted,
  spend,
  tagsOf,
  textsOf,
  type Imported,
  type Note,
  type Step,
} from "./imported.ts";

const Metadata = z.record(z.string(), z.unknown());
const Flag = z.looseObject({
  state: z.enum(["ENABLED", "DISABLED"]),
  variants: z.record(z.string(), z.unknown()),
  defaultVariant: z.string().nullish(),
  targeting: z.unknown().optional(),
  metadata: Metadata.nullish(),
});
type Flag = z.infer<typeof Flag>;
const Definition = z.looseObject({
  flags: z.record(z.string(), Flag),
  $evaluators: z.record(z.string(), z.unknown()).nullish(),
  metadata: Metadata.nullish(),
});

type Walk = {
  readonly isOn: (variant: string | null) => boolean;
  readonly steps: Step[];
  readonly note: (note: Note) => void;
  readonly by: (attribute: string) => void;
};

const Bucket = z.tuple([z.string(), z.number().int().optional()]);

/** The share of those who get a variant that is on; null: it is drawn in a way that cannot be told. */
const shareOf = (args: readonly unknown[], { isOn, by }: Walk): number | null => {
  const [first] = args;
  const named = Array.isArray(first) ? null : first;
  const buckets = z
    .array(Bucket)
    .min(1)
    .safeParse(named === null ? args : args.slice(1));
  if (!buckets.success) return null;
  by(named === null ? "targetingKey" : JSON.stringify(named));
  const weights = buckets.data.map(([variant, weight = 1]) => ({ variant, weight: Math.max(0, weight) }));
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  const on = weights.reduce((total, { variant, weight }) => total + (isOn(variant) ? weight : 0), 0);
  return sum === 0 ? 0 : on / sum;
};

const noteOf = (condition: unknown, expression: Expression): Note =>
  conditionNote("condition", quoted(condition), expression);

/** Each leaf of the tree becomes a step; the ones before it have the people who do not get so far. */
const walk = (given: unknown, path: Expression, reading: Reading, to: Walk): void => {
  if (to.steps.length > MAX_STEPS || !spend(reading.budget)) {
    // Too many to be kept: nobody is targeted then.
    while (to.steps.length <= MAX_STEPS) to.steps.push({ when: unknown, on: 1 });
    return;
  }
  const found = resolved(given, reading);
  const add = (when: Expression, on: number) => void to.steps.push({ when, on });
  if (found === undefined) {
    to.note(
      dropped("targeting", `${quoted(given)} leads nowhere or in a circle, so nobody gets the feature by it`),
    );
    return add(all([path, unknown]), 1);
  }
  const { node } = found;
  if (node === null || node === undefined) return add(path, to.isOn(null) ? 1 : 0);
  if (typeof node === "string" || typeof node === "boolean") return add(path, to.isOn(String(node)) ? 1 : 0);
  const operation = operationOf(node);
  if (operation?.operator === "if") {
    const { args } = operation;
    for (let at = 0; at + 1 < args.length; at += 2) {
      const condition = conditionOf(args[at], found.reading);
      to.note(noteOf(args[at], condition));
      walk(args[at + 1], all([path, condition]), found.reading, to);
    }
    return walk(args.length % 2 === 1 ? args.at(-1) : null, path, found.reading, to);
  }
  if (operation?.operator === "fractional" || operation?.operator === "fractionalEvaluation") {
    const share = shareOf(operation.args, to);
    if (share === null) {
      to.note(
        dropped(
          "fractional",
          `${quoted(node)}: it is drawn in a way that Sluice does not know, so nobody gets the feature by it`,
        ),
      );
      return add(all([path, unknown]), 1);
    }
    return add(path, share);
  }
  // A condition by itself names the variants true and false.
  const condition = conditionOf(node, found.reading);
  to.note(noteOf(node, condition));
  add(all([path, condition]), to.isOn("true") ? 1 : 0);
  return add(path, to.isOn("false") ? 1 : 0);
};

const makeIsOn = ({ variants, defaultVariant }: Flag) => {
  const usual = defaultVariant ?? null;
  const valueOf = (variant: string | null): unknown => {
    const name = variant ?? usual;
    return name !== null && Object.hasOwn(variants, name) ? variants[name] : undefined;
  };
  const isBoolean = Object.values(variants).every((value) => typeof value === "boolean");
  const usualText = JSON.stringify(valueOf(null));
  return {
    isBoolean,
    isOn: (variant: string | null): boolean => {
      const value = valueOf(variant);
      // flagd answers an unknown variant with an error, and the caller takes its own default.
      if (value === undefined) return false;
      return isBoolean ? value === true : JSON.stringify(value) !== usualText;
    },
  };
};

const textsIn = (metadata: Readonly<Record<string, unknown>>) =>
  textsOf({ description: metadata["description"], owner: metadata["owner"], link: metadata["link"] });

const importFlag = (flag: Flag, reading: Reading): Omit<Imported, "name" | "featureId"> => {
  const notes: Note[] = [changed("enabled", `closed; ${flag.state} in flagd`)];
  const { isBoolean, isOn } = makeIsOn(flag);
  if (!isBoolean)
    notes.push(
      changed(
        "variants",
        `${quoted(Object.keys(flag.variants))}: on where it is not the default, ${quoted(flag.defaultVariant)}, because a feature of Sluice is on or off`,
      ),
    );
  const drawnBy: string[] = [];
  const to: Walk = {
    isOn,
    steps: [],
    note: (note) => void notes.push(note),
    by: (name) => void drawnBy.push(name),
  };
  const isTargeted =
    typeof flag.targeting === "object" && flag.targeting !== null && Object.keys(flag.targeting).length > 0;
  walk(isTargeted ? flag.targeting : null, constant(true), reading, to);
  const audience = audienceOf(to.steps);
  const holdout = holdoutFor(audience.rolloutBps);
  const texts = textsIn(flag.metadata ?? {});
  const others = Object.keys(flag.metadata ?? {}).filter(
    (key) => !["description", "owner", "link", "tags"].includes(key),
  );
  const tags = tagsOf(z.array(z.string()).catch([]).parse(flag.metadata?.["tags"]));
  return {
    fields: {
      ...texts.texts,
      ...(tags.tags.length === 0 ? {} : { tags: tags.tags }),
      unit: "visitor",
      rolloutBps: audience.rolloutBps,
      holdoutBps: holdout.holdoutBps,
      targeting: audience.targeting,
    },
    notes: [
      ...notes,
      ...audience.notes,
      ...(drawnBy.length === 0
        ? []
        : [
            bucketingNote(`fractional by ${[...new Set(drawnBy)].map((one) => one.slice(0, 80)).join(", ")}`),
          ]),
      ...holdout.notes,
      ...texts.notes,
      ...tags.notes,
      ...(others.length === 0 ? [] : [dropped("metadata", quoted(others))]),
    ],
  };
};

export const importFlagd = (
  json: unknown,
  options: { names: AttributeNames },
): Result<Imported[], string> => {
  const parsed = Definition.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return err(
      `this is no flag definition of flagd: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
    );
  }
  const { flags, $evaluators } = parsed.data;
  const ids = idsFor(Object.keys(flags));
  const reading = { names: options.names, evaluators: $evaluators ?? {}, within: new Set<string>() };
  return ok(
    Object.entries(flags).map(([name, flag]) => {
      const featureId = ids.get(name);
      if (featureId === undefined) throw new Error(`no id was made for ${name}`);
      const { fields, notes } = importFlag(flag, { ...reading, budget: newBudget() });
      return { name, featureId, fields, notes: [...idNotes(name, featureId), ...notes] };
    }),
  );
};
