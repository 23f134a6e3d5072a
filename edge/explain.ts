// Why each feature is on or off for one visitor, in words.
import { bucketOf, type Cohort, type HeldCohort } from "../shared/assign.ts";
import type { Facts } from "../shared/compile-targeting.ts";
import type { FeatureId } from "../shared/ids.ts";
import type { CompiledFeature } from "./request/compile.ts";
import { assign, isClosed } from "./request/gate.ts";
import type { Identity } from "./request/identify.ts";
import type { Seen } from "./state/memory.ts";

/** What decided, beside the words: for programs. */
export type Why = "preview" | "closed" | "stale" | "route" | "notTargeted" | "held" | "bucket";

export type Explanation = {
  readonly featureId: FeatureId;
  /** 0 … 9999 */
  readonly bucket: number;
  readonly cohort: Cohort;
  readonly open: boolean;
  readonly why: Why;
  readonly reason: string;
};

/** Who asks, and for which page of the site; `path` null: for any. */
export type Question = {
  readonly identity: Identity;
  readonly facts: Facts;
  readonly path: string | null;
  readonly method: string;
  /** The feature that the one who asks may see open whatever its state; null: none. */
  readonly preview: FeatureId | null;
};

const assignedReason = (
  { rolloutBps, holdoutBps }: CompiledFeature,
  cohort: Cohort,
  { bucket, held }: { bucket: number; held: HeldCohort | undefined },
): string => {
  if (held !== undefined) return `${held}, held by the cookie`;
  if (cohort === "treatment") return `bucket ${bucket} is below the rollout of ${rolloutBps}`;
  if (cohort === "holdout") return `bucket ${bucket} is in the holdout, the last ${holdoutBps}`;
  return `bucket ${bucket} is not reached by the rollout of ${rolloutBps}`;
};

/** In the gate's own order: preview, closed, route, targeting, and only then who it is. */
export const explainFeature = (
  feature: CompiledFeature,
  stale: boolean,
  { identity, facts, path, method, preview }: Question,
): Explanation => {
  const { featureId, state } = feature;
  const bucket = bucketOf(featureId, identity.unitId);
  const { cohort } = assign(feature, identity);
  if (preview === featureId && (path === null || feature.appliesTo(path, method)))
    return { featureId, bucket, cohort, open: true, why: "preview", reason: "shown by a preview link" };
  if (isClosed(feature, stale)) {
    const why = state.enabled ? "stale" : "closed";
    const reason = state.enabled
      ? "the state is too old and the feature closes when it is"
      : "the feature is closed";
    return { featureId, bucket, cohort, open: false, why, reason };
  }
  const off = { featureId, bucket, cohort: "off", open: false } as const;
  if (path !== null && !feature.appliesTo(path, method))
    return { ...off, why: "route", reason: `${method} ${path} is on none of the feature's routes` };
  if (feature.targets !== null && !feature.targets(facts))
    return { ...off, why: "notTargeted", reason: "the request is not one that the feature is for" };
  const held = identity.held.get(feature.holdKey);
  const reason = assignedReason(feature, cohort, { bucket, held });
  const why = held === undefined ? "bucket" : "held";
  return { featureId, bucket, cohort, open: cohort === "treatment", why, reason };
};

export const explain = ({ snapshot, stale }: Seen, question: Question): Explanation[] =>
  snapshot.features.map((feature) => explainFeature(feature, stale, question));
