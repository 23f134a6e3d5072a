// Why each feature is on or off for one visitor, in words.
import { bucketOf, cohortOf, type Cohort } from "../../shared/features/assign.ts";
import type { EvaluationContext } from "../../shared/features/compile-targeting.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { CompiledFeature } from "../features/compile.ts";
import { isClosed } from "../features/evaluate.ts";
import type { Identity } from "../visitor/cookie.ts";
import type { Seen } from "../snapshot/cache.ts";

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
  readonly facts: EvaluationContext;
  readonly path: string | null;
  readonly method: string;
  /** The feature that the one who asks may see open whatever its state; null: none. */
  readonly preview: FeatureId | null;
};

/** What is decided for one feature and one unit; `why` is the reason for programs. */
export type Judgement = {
  readonly bucket: number;
  readonly cohort: Cohort;
  readonly open: boolean;
  readonly why: Why;
};

/** In the gate's own order: preview, closed, route, targeting, and only then who it is. */
export const judge = (
  feature: CompiledFeature,
  stale: boolean,
  { identity, facts, path, method, preview }: Question,
): Judgement => {
  const { featureId, state, targets } = feature;
  const bucket = bucketOf(featureId, identity.unitId);
  const sticky = identity.sticky.get(feature.stickyKey);
  const cohort = cohortOf(feature, bucket, sticky);
  if (preview === featureId && (path === null || feature.appliesTo(path, method)))
    return { bucket, cohort, open: true, why: "preview" };
  if (isClosed(feature, stale))
    return { bucket, cohort, open: false, why: state.enabled ? "stale" : "closed" };
  if (path !== null && !feature.appliesTo(path, method))
    return { bucket, cohort: "off", open: false, why: "route" };
  if (targets !== null && !targets(facts)) return { bucket, cohort: "off", open: false, why: "notTargeted" };
  return { bucket, cohort, open: cohort === "treatment", why: sticky === undefined ? "bucket" : "held" };
};

const bucketReason = ({ rolloutBps, holdoutBps }: CompiledFeature, { bucket, cohort }: Judgement): string => {
  if (cohort === "treatment") return `bucket ${bucket} is below the rollout of ${rolloutBps}`;
  if (cohort === "holdout") return `bucket ${bucket} is in the holdout, the last ${holdoutBps}`;
  return `bucket ${bucket} is not reached by the rollout of ${rolloutBps}`;
};

const reasonOf = (feature: CompiledFeature, judgement: Judgement, { path, method }: Question): string => {
  switch (judgement.why) {
    case "preview":
      return "shown by a preview link";
    case "closed":
      return "the feature is closed";
    case "stale":
      return "the state is too old and the feature closes when it is";
    case "route":
      return `${method} ${path} is on none of the feature's routes`;
    case "notTargeted":
      return "the request is not one that the feature is for";
    case "held":
      return `${judgement.cohort}, held by the cookie`;
    case "bucket":
      return bucketReason(feature, judgement);
  }
};

export const explainFeature = (feature: CompiledFeature, stale: boolean, question: Question): Explanation => {
  const judgement = judge(feature, stale, question);
  return { featureId: feature.featureId, ...judgement, reason: reasonOf(feature, judgement, question) };
};

export const explain = ({ snapshot, stale }: Seen, question: Question): Explanation[] =>
  snapshot.features.map((feature) => explainFeature(feature, stale, question));
