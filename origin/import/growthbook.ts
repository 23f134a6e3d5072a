// GrowthBook: the payload of its SDKs (`/api/features/KEY`), or the features of its REST API (`/api/v1/features`).
import type { FeatureId } from "../../shared/ids.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { AttributeNames } from "./attributes.ts";
import type { Expression } from "./expression.ts";
import { readSources } from "./growthbook-payload.ts";
import { readRules } from "./growthbook-rules.ts";
import {
  audienceOf,
  bucketingNote,
  changed,
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
} from "./imported.ts";
import { settleRequirements } from "./requirements.ts";

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
