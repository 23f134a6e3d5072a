// A feature as the edge knows it, and the document that carries all of them.
import { z } from "zod";
import { Gate } from "./gate.ts";
import { Bps, FeatureId, isFeatureId, Revision } from "../ids.ts";
import { PathPattern, Route } from "./route.ts";
import { err, ok, type Result } from "../result.ts";
import { Targeting } from "./targeting.ts";

/** A request that counts as the unit's activation when the upstream answers with `status` (default: any below 400). */
export const Activation = z.strictObject({
  path: PathPattern.describe("Path of the request, as in a route."),
  method: z
    .string()
    .regex(/^[A-Z]+$/, "must be upper case")
    .default("POST")
    .describe("HTTP method of the request."),
  status: z
    .number()
    .int()
    .min(100)
    .max(599)
    .optional()
    .describe("Status of the upstream's answer. Without it any status below 400 counts."),
});
export type Activation = z.infer<typeof Activation>;

/** `null`, `{}` and `[]` all say that there is none: writers of this document have no common word for it. */
const isNone = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (typeof value === "object" && (Array.isArray(value) ? value.length : Object.keys(value).length) === 0);

const orNone = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (isNone(value) ? null : value), schema.nullable()).default(null);

export const FeatureState = z
  .strictObject({
    featureId: FeatureId.describe("Name of the feature: letters, digits and `_ . : / -`."),
    enabled: z.boolean().describe("Whether the feature is open. A closed feature is off for everybody."),
    rolloutBps: Bps.describe("Share of all units that gets the feature, in basis points."),
    holdoutBps: Bps.describe(
      "Share of all units that is kept without the feature for comparison, in basis points.",
    ).default(0),
    epoch: z
      .number()
      .int()
      .min(1)
      .default(1)
      .describe("Number of times a person opened the feature. Evidence never crosses epochs."),
    version: z
      .number()
      .int()
      .min(1)
      .describe("Number of changes of the feature and its rule. The admin API's ETag."),
    failureMode: z
      .enum(["static", "closed"])
      .describe(
        "What the feature does at an edge whose snapshot is older than `MAX_STALE_MS`: `static` keeps it as it was, `closed` closes it.",
      )
      .default("static"),
    targeting: orNone(Targeting).describe(
      "Conditions on a request. A unit that is not targeted does not get the feature and is not compared. `null`: everyone is targeted.",
    ),
    routes: z.array(Route).describe("Where the feature applies. None: everywhere.").default([]),
    gate: orNone(Gate).describe(
      "What the feature does to a request beyond the header for the upstream. `null`: only the header.",
    ),
    activation: orNone(Activation).describe(
      "The request that counts as the unit's activation. `null`: only spans and page events tell it.",
    ),
  })
  .refine((state) => state.rolloutBps + state.holdoutBps <= 10_000, {
    path: ["holdoutBps"],
    message: "rolloutBps + holdoutBps must be at most 10000",
  });
export type FeatureState = z.infer<typeof FeatureState>;

/** What a feature does, by fields that may grow new words in an origin that is newer than this edge. */
const BEHAVIOUR_FIELDS = ["targeting", "routes", "gate", "activation"] as const;
type BehaviourField = (typeof BEHAVIOUR_FIELDS)[number];
type Base = Omit<FeatureState, BehaviourField>;

const isBehaviourField = (field: unknown): boolean => BEHAVIOUR_FIELDS.some((meaning) => meaning === field);

const isWithin = (value: unknown, from: number, to: number): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= from && value <= to;

/**
 * What FeatureState asks of these fields when all are there, at a twentieth of its cost: a snapshot of a thousand
 * features must not hold up an isolate. What is refused here is left to the schema, which knows defaults and words.
 */
const hasBase = (fields: Readonly<Record<string, unknown>>): fields is Base & Record<string, unknown> => {
  const { featureId, enabled, rolloutBps, holdoutBps, epoch, version, failureMode } = fields;
  return (
    isFeatureId(featureId) &&
    typeof enabled === "boolean" &&
    isWithin(rolloutBps, 0, 10_000) &&
    isWithin(holdoutBps, 0, 10_000 - rolloutBps) &&
    isWithin(epoch, 1, Number.MAX_SAFE_INTEGER) &&
    isWithin(version, 1, Number.MAX_SAFE_INTEGER) &&
    (failureMode === "static" || failureMode === "closed")
  );
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const FIELDS = Object.keys(FeatureState.shape);

const known = (pushed: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const fields: Record<string, unknown> = {};
  for (const field of FIELDS) if (!isNone(pushed[field])) fields[field] = pushed[field];
  return fields;
};

type Wrong = { readonly path: readonly PropertyKey[]; readonly message: string };

/**
 * A feature as pushed. What is missing or empty takes its default and what this edge does not know is left out, so
 * that a newer origin can always close a feature at an older edge. A feature whose targeting, routes, gate or
 * activation this edge does not understand would be applied wrongly: it is closed here, and only here.
 */
export const readPushedFeature = (pushed: unknown): Result<FeatureState, readonly Wrong[]> => {
  const fields = isObject(pushed) ? known(pushed) : pushed;
  if (isObject(fields) && hasBase(fields) && !BEHAVIOUR_FIELDS.some((meaning) => meaning in fields))
    return ok({ ...fields, targeting: null, routes: [], gate: null, activation: null });
  const parsed = FeatureState.safeParse(fields);
  if (parsed.success) return ok(parsed.data);
  const wrong = parsed.error.issues.map((issue) => issue.path[0]);
  if (!isObject(fields) || !wrong.every(isBehaviourField)) return err(parsed.error.issues);
  const rest = Object.entries(fields).filter(([field]) => !wrong.includes(field));
  return ok(FeatureState.parse({ ...Object.fromEntries(rest), enabled: false }));
};

/** All of a push, in one step of the schema: a step for each would take longer than the features themselves. */
const PushedFeatures = z
  .custom<readonly unknown[]>(Array.isArray, "must be a list")
  .transform((list, context): FeatureState[] => {
    const features: FeatureState[] = [];
    for (const [at, pushed] of list.entries()) {
      const read = readPushedFeature(pushed);
      if (read.ok) features.push(read.value);
      else
        for (const { path, message } of read.error)
          context.issues.push({ code: "custom", path: [at, ...path], message, input: pushed });
    }
    return features;
  });

/**
 * A feature as the edge keeps it and passes it on: what it does is JSON text (null: none) until a request asks for it,
 * so that a thousand features travel and wait as texts and not as tens of thousands of objects.
 */
export type EncodedFeature = Base & Readonly<Record<BehaviourField, string | null>>;

export const encodeFeature = (state: FeatureState): EncodedFeature => {
  const text = (meaning: BehaviourField): string | null =>
    isNone(state[meaning]) ? null : JSON.stringify(state[meaning]);
  return {
    ...state,
    targeting: text("targeting"),
    routes: text("routes"),
    gate: text("gate"),
    activation: text("activation"),
  };
};

/** What `seal` made text. It passed the schema before that, so it is not parsed by it again. */
export const decodeField = <M extends BehaviourField>(
  state: EncodedFeature,
  meaning: M,
): FeatureState[M] | null => {
  const text = state[meaning];
  return text === null ? null : JSON.parse(text);
};

const isSealed = (stored: Readonly<Record<string, unknown>>): stored is EncodedFeature =>
  hasBase(stored) &&
  Object.keys(stored).length === FIELDS.length &&
  BEHAVIOUR_FIELDS.every((meaning) => stored[meaning] === null || typeof stored[meaning] === "string");

const pushedAnew = (stored: unknown): EncodedFeature => {
  const read = readPushedFeature(stored);
  if (read.ok) return encodeFeature(read.value);
  const faults = read.error.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`a stored feature cannot be read: ${faults.join("; ")}`);
};

/** What this edge stored. What another version of it stored otherwise is read as if it were pushed. Throws else. */
export const readEncodedFeature = (stored: unknown): EncodedFeature => {
  if (!isObject(stored)) return pushedAnew(stored);
  if (isSealed(stored)) return stored;
  const opened = BEHAVIOUR_FIELDS.map((meaning) => {
    const text = stored[meaning];
    return [meaning, typeof text === "string" ? JSON.parse(text) : text];
  });
  return pushedAnew({ ...stored, ...Object.fromEntries(opened) });
};

/** Body of `POST /.sluice/push`. */
export const PushMessage = z.object({
  revision: Revision,
  /** true: `features` is everything there is. false: the features that changed. */
  full: z.boolean(),
  features: PushedFeatures,
  /** Ids deleted since; only in a message that is not full. */
  removed: z.array(FeatureId).default([]),
  /** The revision that the changes build on: an edge that is behind it has missed something and asks for it (409). */
  since: Revision.optional(),
});
export type PushMessage = z.infer<typeof PushMessage>;

/** All features at one revision, so that a request sees one state and never parts of two. */
export type Snapshot = {
  readonly revision: Revision;
  readonly features: readonly FeatureState[];
};
