// Unleash: the document of its export API (Admin API, /api/admin/features-batch/export), or what its client API answers
// (/api/client/features).
import type { FeatureId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { AttributeNames } from "./attributes.ts";
import { all, unknown, type Expression } from "./expression.ts";
import {
  audienceOf,
  bucketingNote,
  changed,
  dropped,
  holdoutFor,
  idNotes,
  idsFor,
  newBudget,
  quoted,
  spend,
  tagsOf,
  textsOf,
  type Imported,
  type Note,
} from "./imported.ts";
import { settleRequirements } from "./requirements.ts";
import { UnleashExport, type Feature } from "./unleash-export.ts";
import { readStrategies, type Reading, type Segments } from "./unleash-strategies.ts";

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
  const parsed = UnleashExport.safeParse(json);
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
