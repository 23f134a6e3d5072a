// The body of `POST /.sluice/push`: a full snapshot, or the features that changed.
import { z } from "zod";
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
