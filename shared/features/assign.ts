// Which cohort a unit belongs to. Pure and deterministic: every edge, process and test gets the same answer.
import { h32Joined } from "../hash.ts";

export const BUCKETS = 10_000;

/** `holdout` is kept without the feature for comparison; `off` is everyone whom the rollout has not reached. */
export type Cohort = "treatment" | "holdout" | "off";

/** A cohort that sticks to its unit. `off` does not: a raised rollout must reach those units. */
export type StickyCohort = Exclude<Cohort, "off">;

export type Assignable = {
  readonly featureId: string;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
};

/** Bucket of a unit for a feature: 0 … 9999, uniform, independent between features. */
export const bucketOf = (featureId: string, unitId: string): number => h32Joined(featureId, unitId) % BUCKETS;

/**
 * Treatment takes the lowest buckets and holdout the highest, so raising the rollout never moves anyone out of
 * treatment. A sticky cohort wins over the bucket.
 */
export const cohortOf = (feature: Assignable, bucket: number, sticky?: StickyCohort): Cohort => {
  if (sticky !== undefined) return sticky;
  if (bucket < feature.rolloutBps) return "treatment";
  if (bucket >= BUCKETS - feature.holdoutBps) return "holdout";
  return "off";
};
