// A feature evaluation in words, for a person who asks why.
import type { Cohort } from "../../shared/features/assign.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { CompiledFeature } from "../features/compiled-feature.ts";
import {
  closedReason,
  evaluateFeature,
  type ClosedReason,
  type EvaluationRequest,
  type FeatureEvaluation,
  type Reason,
  type Unit,
} from "../features/evaluate.ts";

/** One feature in the answer of `GET /.sluice/explain`. */
export type Explanation = {
  readonly featureId: FeatureId;
  /** Of the feature, for everybody. `stale`: closed here, because the snapshot is stale. */
  readonly state: "open" | ClosedReason;
  /** 0 … 9999 */
  readonly bucket: number;
  readonly cohort: Cohort;
  /** The unit gets the feature. */
  readonly open: boolean;
  /** The reason for programs. */
  readonly why: Reason;
  /** The reason in words. */
  readonly reason: string;
};

export type VisitorExplanation = {
  readonly unit: string;
  /** false: no valid cookie and no sign-in came with the request, and this unit was generated for the answer. */
  readonly known: boolean;
  /** 0 (bot) … 1 (human); null: no captcha has found anything. */
  readonly captchaScore: number | null;
  readonly revision: number;
  readonly features: readonly Explanation[];
};

const bucketText = ({ feature, bucket, cohort }: FeatureEvaluation): string => {
  const { rolloutBps, holdoutBps } = feature;
  if (cohort === "treatment") return `bucket ${bucket} is below the rollout of ${rolloutBps}`;
  if (cohort === "holdout") return `bucket ${bucket} is in the holdout, the last ${holdoutBps}`;
  return `bucket ${bucket} is not reached by the rollout of ${rolloutBps}`;
};

export const reasonText = (evaluation: FeatureEvaluation, { path, method }: EvaluationRequest): string => {
  switch (evaluation.reason) {
    case "preview":
      return "shown by a preview link";
    case "closed":
      return "the feature is closed";
    case "stale":
      return "the snapshot is stale, and this feature closes then";
    case "route":
      return `${method} ${path} is on none of the feature's routes`;
    case "notTargeted":
      return "the request is not targeted";
    case "held":
      return `${evaluation.cohort}, held by the cookie`;
    case "bucket":
      return bucketText(evaluation);
  }
};

export const explainFeature = (
  feature: CompiledFeature,
  request: EvaluationRequest,
  unit: Unit,
): Explanation => {
  const evaluation = evaluateFeature(feature, request, unit);
  const { bucket, cohort, open, reason } = evaluation;
  return {
    featureId: feature.featureId,
    state: closedReason(feature, request.stale) ?? "open",
    bucket,
    cohort,
    open,
    why: reason,
    reason: reasonText(evaluation, request),
  };
};
