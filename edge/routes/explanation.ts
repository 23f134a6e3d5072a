// A feature evaluation in words, for a person who asks why.
import type { Cohort } from "../../shared/features/assign.ts";
import type { FeatureId } from "../../shared/ids.ts";
import {
  closedReason,
  evaluateFeature,
  type ClosedReason,
  type EvaluationRequest,
  type Reason,
  type Units,
} from "../../shared/features/evaluate-feature.ts";
import { changeText } from "../../shared/features/change-text.ts";
import { reasonText } from "../../shared/features/reason-text.ts";
import type { CompiledFeature } from "../features/compiled-feature.ts";

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
  /** What would change it, in words. */
  readonly change: string;
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
    change: changeText(evaluation),
  };
};
