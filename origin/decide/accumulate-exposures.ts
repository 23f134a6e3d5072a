// Counts the exposed units of a trial, each bucket exactly once: over the whole trial, and over the period in which the rollout
// has been what it is now.
import type { OutcomeBucket } from "./accumulate-outcomes.ts";
import type { Evidence } from "./evidence.ts";
import { updateRolloutPeriod, type CohortShares } from "./statistics/sample-ratio.ts";

/** `now` in unix seconds; afterwards every bucket that begins before `upTo` is in. */
export const accumulateExposures = (
  { exposed, sampleRatio }: Pick<Evidence, "exposed" | "sampleRatio">,
  buckets: readonly OutcomeBucket[],
  upTo: number,
  { rollout, now }: { rollout: CohortShares; now: number },
): Pick<Evidence, "exposed" | "sampleRatio"> => {
  const mature = buckets.filter(({ bucketS }) => bucketS >= exposed.accumulatedTo && bucketS < upTo);
  const sum = (cohort: "treatment" | "holdout") =>
    mature.reduce((total, bucket) => total + bucket[cohort].n, exposed[cohort]);
  return {
    exposed: {
      accumulatedTo: Math.max(exposed.accumulatedTo, upTo),
      firstBucketS:
        exposed.treatment > 0
          ? exposed.firstBucketS
          : (mature.find(({ treatment }) => treatment.n > 0)?.bucketS ?? null),
      treatment: sum("treatment"),
      holdout: sum("holdout"),
    },
    sampleRatio: updateRolloutPeriod(sampleRatio, mature, rollout, now),
  };
};
