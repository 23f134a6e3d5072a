// Why each feature is on or off for one visitor, in words.
import { bucketOf, type HeldCohort } from "../shared/assign.ts";
import type { FeatureId } from "../shared/ids.ts";
import type { CompiledFeature } from "./request/compile.ts";
import { assign } from "./request/gate.ts";
import type { Identity } from "./request/identify.ts";
import type { Seen } from "./state/memory.ts";

export type Explanation = {
  readonly featureId: FeatureId;
  /** 0 … 9999 */
  readonly bucket: number;
  readonly cohort: "treatment" | "holdout" | "off";
  readonly open: boolean;
  readonly reason: string;
};

const reasonOf = (
  { state, rolloutBps, holdoutBps }: CompiledFeature,
  cohort: "treatment" | "holdout" | "off",
  { bucket, held, stale }: { bucket: number; held: HeldCohort | undefined; stale: boolean },
): string => {
  if (!state.enabled) return "the feature is closed";
  if (stale && state.failureMode === "closed")
    return "the state is too old and the feature closes when it is";
  if (held !== undefined) return `${held}, held by the cookie`;
  if (cohort === "treatment") return `bucket ${bucket} is below the rollout of ${rolloutBps}`;
  if (cohort === "holdout") return `bucket ${bucket} is in the holdout, the last ${holdoutBps}`;
  return `bucket ${bucket} is not reached by the rollout of ${rolloutBps}`;
};

export const explain = (seen: Seen, identity: Identity): Explanation[] =>
  seen.snapshot.features.map((feature) => {
    const { cohort } = assign(feature, identity);
    const bucket = bucketOf(feature.featureId, identity.unitId);
    const held = identity.held.get(feature.holdKey);
    const closed = !feature.state.enabled || (seen.stale && feature.state.failureMode === "closed");
    return {
      featureId: feature.featureId,
      bucket,
      cohort,
      open: cohort === "treatment" && !closed,
      reason: reasonOf(feature, cohort, { bucket, held, stale: seen.stale }),
    };
  });
