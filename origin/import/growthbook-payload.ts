// What a file of GrowthBook says: its features, from the payload of its SDKs or from its REST API.
import { z } from "zod";
import { err, ok, type Result } from "../../shared/result.ts";
import type { SavedGroups } from "./growthbook-condition.ts";

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
export type Rule = z.infer<typeof Rule>;
const Definition = z.looseObject({ defaultValue: z.unknown().optional(), rules: z.array(Rule).nullish() });
export type Definition = z.infer<typeof Definition>;

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

export const readSources = (
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
