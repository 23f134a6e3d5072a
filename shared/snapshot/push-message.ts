// The body of `POST /.sluice/push`: a full snapshot, the features that changed, a part of a long message, or closes alone.
import * as z from "zod";
import type { FeatureState } from "../features/feature.ts";
import { readPushedFeature } from "../features/pushed-feature.ts";
import { FeatureId, Revision } from "../ids.ts";

/** One step of the schema reads all features: a step for each would take longer than the features themselves. */
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

/** PostgreSQL's integer, which holds epochs and versions. */
const MAX_INTEGER = 2 ** 31 - 1;

/** Epochs and versions of features. */
export const Count = z.number().int().min(0).max(MAX_INTEGER);

/** The feature is closed in this epoch and in all earlier ones. Only a person opens it again, which begins an epoch. */
export const Close = z.object({ featureId: FeatureId, epoch: Count, version: Count });
export type Close = z.infer<typeof Close>;

export const MAX_PARTS = 1_000;

/** One part of a message that is too long for one request. The edge applies the message once it has all parts. */
export const Part = z.object({
  /** Of the message: parts of another one are forgotten. */
  id: z.string().min(1).max(64),
  index: z
    .number()
    .int()
    .min(0)
    .max(MAX_PARTS - 1),
  count: z.number().int().min(1).max(MAX_PARTS),
  /** What `full` and `since` are of the whole message. */
  full: z.boolean(),
  since: Revision.optional(),
});
export type Part = z.infer<typeof Part>;

/** One history of the database: a restore or a promoted standby begins another. */
const Lineage = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
/** The hash of the newest audit row at a revision, in hex; empty: there is none yet. It names all that came before it. */
const Head = z.string().regex(/^(?:[0-9a-f]{64})?$/);

/** A state: its revision, and the history that the revision is of. */
export const HistoryPoint = z.object({ lineage: Lineage, revision: Revision, head: Head });
export type HistoryPoint = z.infer<typeof HistoryPoint>;

/** What an edge has of a feature, closed or removed by the word of an origin, and in which epoch. */
export const HeldFeature = z.object({ featureId: FeatureId, closed: z.boolean(), epoch: Count });
export type HeldFeature = z.infer<typeof HeldFeature>;

export const PushMessage = z.object({
  revision: Revision,
  /** true: `features` is everything there is. false: the features that changed. */
  full: z.boolean(),
  features: PushedFeatures,
  /** Ids deleted since; only in a message that is not full. */
  removed: z.array(FeatureId).default([]),
  /** The revision that the changes build on: an edge that is behind it has missed something and asks for it (409). */
  since: Revision.optional(),
  /** These are closed at once, whatever becomes of the rest of the message. */
  closes: z.array(Close).optional(),
  part: Part.optional(),
  /** The history of `revision`, and its head. An older origin names neither. */
  lineage: Lineage.optional(),
  head: Head.optional(),
  /** The head of `since`. */
  sinceHead: Head.optional(),
  /** The state of another history that this full message takes the place of. */
  replaces: HistoryPoint.optional(),
  /** Asks what the edge holds of each feature, where it has another state than the message builds on. */
  asks: z.boolean().optional(),
  /** The host of the edge that the push is for. An older origin names none. */
  audience: z.string().max(300).optional(),
  /** Chosen anew for each push. The edge's signed answer covers it. */
  nonce: z
    .string()
    .regex(/^[A-Za-z0-9_-]{16,64}$/)
    .optional(),
});
export type PushMessage = z.infer<typeof PushMessage>;
