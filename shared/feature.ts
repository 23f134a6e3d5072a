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
const MEANINGS = ["targeting", "routes", "gate", "activation"] as const;

/** As far as this edge understands it. A feature that it would apply wrongly is closed here, and only here. */
const understood = (pushed: object): Record<string, unknown> => {
  const known: Record<string, unknown> = Object.fromEntries(
    Object.entries(pushed).filter(([key, value]) => Object.hasOwn(FeatureState.shape, key) && !isNone(value)),
  );
  for (const field of MEANINGS) {
    if (!(field in known) || FeatureState.shape[field].safeParse(known[field]).success) continue;
    delete known[field];
    known["enabled"] = false;
  }
  return known;
};

/**
 * A feature as pushed. What is missing or empty takes its default and what this edge does not know is left out, so
 * that a newer origin can always close a feature at an older edge.
 */
export const PushedState = z.preprocess(
  (pushed) => (typeof pushed === "object" && pushed !== null ? understood(pushed) : pushed),
  FeatureState,
);

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
