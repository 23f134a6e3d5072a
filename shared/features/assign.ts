// Which cohort a unit belongs to. Pure and deterministic: every edge, process and test gets the same answer.
import { h32Joined } from "../hash.ts";

export const BUCKETS = 10_000;

/** `holdout` is kept without the feature for comparison; `off` is everyone whom the rollout has not reached. */
export type Cohort = "treatment" | "holdout" | "off";

/** A cohort that is counted and compared. */
export type ComparedCohort = Exclude<Cohort, "off">;

export type Assignable = {
  readonly featureId: string;
  readonly rolloutBps: number;
  readonly holdoutBps: number;
};

/** Bucket of a unit for a feature: 0 … 9999, uniform, independent between features. */
export const bucketOf = (featureId: string, unitId: string): number => h32Joined(featureId, unitId) % BUCKETS;

/**
 * Treatment takes the lowest buckets and holdout the highest. So a raised rollout moves nobody out of treatment, a lowered
 * one takes the feature from the highest of them, and raising it again brings back the same units.
 */
export const cohortOf = ({ rolloutBps, holdoutBps }: Assignable, bucket: number): Cohort => {
  if (bucket < rolloutBps) return "treatment";
  return bucket >= BUCKETS - holdoutBps ? "holdout" : "off";
};
