// What would change a feature evaluation, in words, for the person who asks. It names no routes and no conditions: whoever
// visits a site may ask, and these may be nobody's business.
import { BUCKETS } from "./assign.ts";
import type { FeatureEvaluation } from "./evaluate-feature.ts";

const percent = (bps: number): string => `${bps / 100} %`;

const bucketText = ({ feature, bucket, cohort }: FeatureEvaluation): string => {
  const at = bucket ?? 0;
  switch (cohort) {
    case "treatment":
      return `A rollout of ${percent(at)} or less takes it away.`;
    case "holdout":
      return `A holdout of ${percent(BUCKETS - 1 - at)} or less frees you; no rollout reaches you before. A preview link shows it.`;
    case "off":
      return `A rollout from ${percent(at + 1)} on reaches you; it is ${percent(feature.rolloutBps)} now. A preview link shows it.`;
  }
};

export const changeText = (evaluation: FeatureEvaluation): string => {
  switch (evaluation.reason) {
    case "preview":
      return "The end of the preview.";
    case "closed":
      return "A person opens it. Until then a preview link shows it.";
    case "stale":
      return "The edge hears of its hub again.";
    case "route":
      return "It applies on other pages of the site: ask about one of them.";
    case "notTargeted":
      return "Another request or person: its targeting does not match. The console says which condition does not.";
    case "noUnit":
      return evaluation.feature.state.unit === "user"
        ? "Sign in at the site."
        : "Visit a page of the site: it gives you the cookie.";
    case "bucket":
      return bucketText(evaluation);
  }
};
