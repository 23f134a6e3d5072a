// Reads a feature that an origin of any version pushed. A newer origin can always close a feature at an older edge.
import { err, ok, type Result } from "../result.ts";
import { BEHAVIOUR_FIELDS, FEATURE_FIELDS, hasBaseFields, isObject } from "./base-fields.ts";
import { FeatureState, isNone } from "./feature.ts";

/** Where a field of a feature is wrong, and why. */
export type FieldError = { readonly path: readonly PropertyKey[]; readonly message: string };

/** A newer origin may use words in these fields that an older edge does not know. */
const FIELDS_OF_WORDS: ReadonlySet<unknown> = new Set([...BEHAVIOUR_FIELDS, "unit"]);

/** The fields that this edge knows and that are not empty. Older origins push no unit, and only private features say that they are. */
const knownFields = (pushed: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const fields: Record<string, unknown> = { unit: "visitor", private: false };
  for (const field of FEATURE_FIELDS) if (!isNone(pushed[field])) fields[field] = pushed[field];
  return fields;
};

/**
 * A missing or empty field takes its default, and a field that this edge does not know is left out. A feature whose
 * unit, targeting, routes, gate or activation this edge does not understand would be applied wrongly: it is closed here,
 * and only here.
 */
export const readPushedFeature = (pushed: unknown): Result<FeatureState, readonly FieldError[]> => {
  const fields = isObject(pushed) ? knownFields(pushed) : pushed;
  if (isObject(fields) && hasBaseFields(fields) && !BEHAVIOUR_FIELDS.some((field) => field in fields))
    return ok({ ...fields, targeting: null, routes: [], gate: null, activation: null });
  const parsed = FeatureState.safeParse(fields);
  if (parsed.success) return ok(parsed.data);
  const wrong = parsed.error.issues.map((issue) => issue.path[0]);
  if (!isObject(fields) || !wrong.every((field) => FIELDS_OF_WORDS.has(field)))
    return err(parsed.error.issues);
  const understood = Object.entries(fields).filter(([field]) => !wrong.includes(field));
  return ok(FeatureState.parse({ ...Object.fromEntries(understood), enabled: false }));
};
