// A feature as an OFREP flag (https://openfeature.dev/docs/reference/other-technologies/ofrep): a truth value, true for
// the units that get the feature.
import { h32 } from "../../../shared/hash.ts";
import type { Revision } from "../../../shared/ids.ts";
import { explainFeature, type Question, type Why } from "../explain.ts";
import type { CompiledFeature } from "../../features/compile.ts";

export type Flag = {
  readonly key: string;
  readonly value: boolean;
  readonly variant: "treatment" | "holdout" | "off";
  readonly reason: "SPLIT" | "TARGETING_MATCH" | "DISABLED" | "DEFAULT" | "STALE";
  readonly metadata: { readonly epoch: number; readonly version: number; readonly explanation: string };
};

const reasonOf = (why: Why): Flag["reason"] => {
  switch (why) {
    case "preview":
      return "TARGETING_MATCH";
    case "closed":
      return "DISABLED";
    case "stale":
      return "STALE";
    case "route":
    case "notTargeted":
      return "DEFAULT";
    case "held":
    case "bucket":
      return "SPLIT";
  }
};

export const evaluateFlag = (feature: CompiledFeature, stale: boolean, question: Question): Flag => {
  const { cohort, open, why, reason } = explainFeature(feature, stale, question);
  const isClosed = why === "closed" || why === "stale";
  const { epoch, version } = feature.state;
  return {
    key: feature.featureId,
    value: open,
    variant: why === "preview" ? "treatment" : isClosed ? "off" : cohort,
    reason: reasonOf(why),
    metadata: { epoch, version, explanation: reason },
  };
};

/** Names the revision, so that flags of different revisions never share a tag, and a hash of what they say. */
export const etagOf = (revision: Revision, flags: readonly Flag[]): string =>
  `"r${revision}-${h32(JSON.stringify(flags)).toString(36)}"`;

/** Whether one of the tags of If-None-Match is `etag`; weakly compared, as for GET. */
export const isKnown = (ifNoneMatch: string | null, etag: string): boolean =>
  (ifNoneMatch ?? "").split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
