// A feature evaluation in words, for a person who asks why.
import type { Cohort } from "../../shared/features/assign.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { CompiledFeature, Units } from "../features/compiled-feature.ts";
import {
  closedReason,
  evaluateFeature,
  type ClosedReason,
  type EvaluationRequest,
  type FeatureEvaluation,
  type Reason,
} from "../features/evaluate.ts";

/** One feature in the answer of `GET /.sluice/explain`. */
export type Explanation = {
  readonly featureId: FeatureId;
  /** Of the feature, for everybody. `stale`: closed here, because the snapshot is stale. */
  readonly state: "open" | ClosedReason;
  /** 0 … 9999; null: the caller is no unit of the feature. */
  readonly bucket: number | null;
  readonly cohort: Cohort;
  /** The unit gets the feature. */
  readonly open: boolean;
  /** The reason for programs. */
  readonly why: Reason;
  /** The reason in words. */
  readonly reason: string;
};

export type VisitorExplanation = {
  /** The visitor of the cookie; null: none came with the request. Looking makes nobody a visitor. */
  readonly unit: string | null;
  /** The signed-in user, who is the unit of features with `unit: "user"`; null: none. */
  readonly user: string | null;
  /** A valid cookie or a sign-in came with the request. */
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

const noUnitText = ({ feature, open }: FeatureEvaluation): string => {
  if (feature.state.unit === "user") return "nobody is signed in, and the feature's units are users";
  return open ? "the rollout reaches everybody" : "the request is of no visitor: it has no cookie";
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
    case "noUnit":
      return noUnitText(evaluation);
    case "bucket":
      return bucketText(evaluation);
  }
};

export const explainFeature = (
  feature: CompiledFeature,
  request: EvaluationRequest,
  units: Units,
): Explanation => {
  const evaluation = evaluateFeature(feature, request, units);
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
