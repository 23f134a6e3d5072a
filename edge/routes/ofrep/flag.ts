// A feature as an OFREP flag (https://openfeature.dev/docs/reference/other-technologies/ofrep): a boolean, true for the
// units that get the feature.
import type { Cohort } from "../../../shared/features/assign.ts";
import { h32 } from "../../../shared/hash.ts";
import type { Revision } from "../../../shared/ids.ts";
import type {
  EvaluationRequest,
  FeatureEvaluation,
  Reason,
} from "../../../shared/features/evaluate-feature.ts";
import { reasonText } from "../../../shared/features/reason-text.ts";
import type { CompiledFeature } from "../../features/compiled-feature.ts";

export type Flag = {
  readonly key: string;
  readonly value: boolean;
  readonly variant: Cohort;
  readonly reason: "SPLIT" | "TARGETING_MATCH" | "DISABLED" | "DEFAULT" | "STALE";
  readonly metadata: { readonly epoch: number; readonly version: number; readonly explanation: string };
};

const flagReason = (reason: Reason): Flag["reason"] => {
  switch (reason) {
    case "preview":
      return "TARGETING_MATCH";
    case "closed":
      return "DISABLED";
    case "stale":
      return "STALE";
    case "route":
    case "notTargeted":
    case "noUnit":
      return "DEFAULT";
    case "bucket":
      return "SPLIT";
  }
};

const variantOf = ({ reason, cohort }: FeatureEvaluation): Cohort => {
  if (reason === "preview") return "treatment";
  return reason === "closed" || reason === "stale" ? "off" : cohort;
};

export const flagOf = (evaluation: FeatureEvaluation<CompiledFeature>, request: EvaluationRequest): Flag => {
  const { featureId, state } = evaluation.feature;
  return {
    key: featureId,
    value: evaluation.open,
    variant: variantOf(evaluation),
    reason: flagReason(evaluation.reason),
    metadata: {
      epoch: state.epoch,
      version: state.version,
      explanation: reasonText(evaluation, request),
    },
  };
};

/** Names the revision, so that flags of different revisions never share a tag, and a hash of the flags. */
export const etagOf = (revision: Revision, flags: readonly object[]): string =>
  `"r${revision}-${h32(JSON.stringify(flags)).toString(36)}"`;

/** Whether one of the tags of If-None-Match is `etag`, compared weakly as for GET. */
export const matchesEtag = (ifNoneMatch: string | null, etag: string): boolean =>
  (ifNoneMatch ?? "").split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
