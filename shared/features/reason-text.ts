// The reason of a feature evaluation in words, for a person who asks why.
import type { EvaluationRequest, FeatureEvaluation } from "./evaluate-feature.ts";

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

export const reasonText = (
  evaluation: FeatureEvaluation,
  { path, method }: Pick<EvaluationRequest, "path" | "method">,
): string => {
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
