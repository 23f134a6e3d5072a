// A feature as the edge knows it, and the document that carries all of them.
import { z } from "zod";
import { Gate } from "./gate.ts";
import { Bps, FeatureId, Revision } from "./ids.ts";
import { PathPattern, Route } from "./route.ts";
import { Targeting } from "./targeting.ts";

/** A request that counts as the unit's activation when the upstream answers with `status` (default: any below 400). */
export const Activation = z.strictObject({
  path: PathPattern,
  method: z
    .string()
    .regex(/^[A-Z]+$/, "must be upper case")
    .default("POST"),
  status: z.number().int().min(100).max(599).optional(),
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
    featureId: FeatureId,
    enabled: z.boolean(),
    rolloutBps: Bps,
    holdoutBps: Bps.default(0),
    /** Counts the times a person opened the feature; evidence never crosses epochs. */
    epoch: z.number().int().min(1).default(1),
    version: z.number().int().min(1),
    failureMode: z.enum(["static", "closed"]).default("static"),
    /** null: everyone. A unit that is not targeted does not get the feature and is not compared either. */
    targeting: orNone(Targeting),
    /** Where the feature applies; none: everywhere. */
    routes: z.array(Route).default([]),
    /** null: the upstream is told by header, and nothing else. */
    gate: orNone(Gate),
    activation: orNone(Activation),
  })
  .refine((state) => state.rolloutBps + state.holdoutBps <= 10_000, {
    path: ["holdoutBps"],
    message: "rolloutBps + holdoutBps must be at most 10000",
  });
export type FeatureState = z.infer<typeof FeatureState>;

/** What a feature does, by fields that may grow new words in an origin that is newer than this edge. */
const MEANINGS: ReadonlySet<unknown> = new Set(["targeting", "routes", "gate", "activation"]);

const known = (pushed: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(pushed).filter(([key, value]) => Object.hasOwn(FeatureState.shape, key) && !isNone(value)),
  );

/**
 * A feature as pushed. What is missing or empty takes its default and what this edge does not know is left out, so
 * that a newer origin can always close a feature at an older edge. A feature whose targeting, routes, gate or
 * activation this edge does not understand would be applied wrongly: it is closed here, and only here.
 */
export const PushedState = z.unknown().transform((pushed, context): FeatureState => {
  const fields = typeof pushed === "object" && pushed !== null ? known(pushed) : pushed;
  const parsed = FeatureState.safeParse(fields);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => issue.path[0]);
  if (typeof fields === "object" && wrong.every((field) => MEANINGS.has(field))) {
    const rest = Object.entries(fields ?? {}).filter(([field]) => !wrong.includes(field));
    return FeatureState.parse({ ...Object.fromEntries(rest), enabled: false });
  }
  for (const { path, message } of parsed.error.issues)
    context.issues.push({ code: "custom", path: [...path], message, input: pushed });
  return z.NEVER;
});

/** Body of `POST /.sluice/push`. */
export const PushMessage = z.object({
  revision: Revision,
  /** true: `features` is everything there is. false: the features that changed. */
  full: z.boolean(),
  features: z.array(PushedState),
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
