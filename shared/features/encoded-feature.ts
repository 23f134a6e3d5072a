// A feature as the edge stores it and passes it on. Its behaviour fields are JSON text (null: none) until a request
// needs one, so that a thousand features travel as texts and not as tens of thousands of objects.
import {
  BEHAVIOUR_FIELDS,
  FEATURE_FIELDS,
  hasBaseFields,
  isObject,
  type BaseFields,
  type BehaviourField,
} from "./base-fields.ts";
import { isNone, type FeatureState } from "./feature.ts";
import { readPushedFeature } from "./pushed-feature.ts";

export type EncodedFeature = BaseFields & Readonly<Record<BehaviourField, string | null>>;

export const encodeFeature = (state: FeatureState): EncodedFeature => {
  const encode = (field: BehaviourField): string | null =>
    isNone(state[field]) ? null : JSON.stringify(state[field]);
  return {
    ...state,
    targeting: encode("targeting"),
    routes: encode("routes"),
    gate: encode("gate"),
    activation: encode("activation"),
  };
};

/** A field that `encodeFeature` encoded. It passed the schema before that, so the schema does not read it again. */
export const decodeField = <Field extends BehaviourField>(
  state: EncodedFeature,
  field: Field,
): FeatureState[Field] | null => {
  const text = state[field];
  return text === null ? null : JSON.parse(text);
};

/** In encoded routes, the beginning of a path whose first segment stands for other segments too, or is not plain. */
const VARYING_START = '"path":"/(?![\\w.~-]+["/])';
const PLAIN_SEGMENT = /^[\w.~-]+$/;

/**
 * Whether encoded routes may name a path: by its first segment, without decoding them. Most of a thousand features name
 * no path of a site's section, and decoding and compiling their routes takes as long as all else that a snapshot needs.
 * `readings`: those of the path.
 */
export const makeMayName = (
  readings: readonly { readonly folded: readonly string[] }[],
): ((routes: string) => boolean) => {
  const starts = readings.map(({ folded }) => folded[0] ?? "").filter((start) => PLAIN_SEGMENT.test(start));
  const named = starts.map((start) => `"path":"/${start.replaceAll(".", "\\.")}["/]`);
  const pattern = new RegExp([...new Set(named), VARYING_START].join("|"), "i");
  return (routes) => pattern.test(routes);
};

const isEncoded = (stored: Readonly<Record<string, unknown>>): stored is EncodedFeature =>
  hasBaseFields(stored) &&
  Object.keys(stored).length === FEATURE_FIELDS.length &&
  BEHAVIOUR_FIELDS.every((field) => stored[field] === null || typeof stored[field] === "string");

const encodeStored = (stored: unknown): EncodedFeature => {
  const read = readPushedFeature(stored);
  if (read.ok) return encodeFeature(read.value);
  const errors = read.error.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`a stored feature cannot be read: ${errors.join("; ")}`);
};

/**
 * Reads a feature that an edge stored. A feature that another version of the edge stored in another form is read as if
 * it were pushed. Throws when that fails too.
 */
export const readEncodedFeature = (stored: unknown): EncodedFeature => {
  if (!isObject(stored)) return encodeStored(stored);
  if (isEncoded(stored)) return stored;
  const decoded = BEHAVIOUR_FIELDS.map((field) => {
    const text = stored[field];
    return [field, typeof text === "string" ? JSON.parse(text) : text];
  });
  return encodeStored({ ...stored, ...Object.fromEntries(decoded) });
};
