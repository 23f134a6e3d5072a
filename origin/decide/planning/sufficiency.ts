// How much data a calibration needs before it says anything. "Nothing would have been rolled back" is no news of seven users: so
// few could not roll back any feature. The least is by the power of the test: enough to see a large failure, a rate of half its
// threshold or twice the allowed share of bad requests, in about half of the cases.
import { REQUESTS_PER_WITNESS } from "../accumulate-requests.ts";
import { comparisonLogEValues } from "../statistics/comparison.ts";
import { logMeanExp } from "../statistics/log-sum-exp.ts";
import { clampProbability } from "../statistics/rate-evidence.ts";
import { addBucketSize, requestCap } from "../statistics/bucket-sizes.ts";
import { SMALLEST_BOUND, shareLogEValues } from "../statistics/share-bets.ts";
import { smallestReaching, unitsToRollback, type PlannedTest } from "./power.ts";

export type Sufficiency = {
  /** Requests without a holdout count by buckets, one bet each. */
  readonly unit: "users" | "requests" | "buckets";
  readonly have: number;
  /** null: no number is enough, because there is no holdout. */
  readonly needed: number | null;
};

export const isSufficient = ({ have, needed }: Sufficiency): boolean => needed !== null && have >= needed;

/** A large failure: twice the share of bad requests that is allowed. */
const twice = (bound: number): number => Math.min(1, 2 * Math.max(bound, SMALLEST_BOUND));

/** Mature users that a test needs to see half of its threshold. */
export const usersNeeded = (planned: PlannedTest, minCohortSize: number): number | null => {
  const users = unitsToRollback(planned, planned.threshold / 2);
  return users === null ? null : Math.max(users, minCohortSize);
};

/** Buckets with as many requests each that it takes to see twice the bound. */
export const bucketsNeeded = (bound: number, logBar: number): number | null => {
  const logEValues = shareLogEValues({ n: 1, s: twice(bound) }, bound, requestCap(addBucketSize([], 1)));
  return smallestReaching(
    (buckets) => logMeanExp(logEValues.map((logEValue) => buckets * logEValue)),
    logBar,
  );
};

/** Treatment's requests that it takes to see twice the bound beside a holdout that is exactly at it. */
export const requestsNeeded = (bound: number, logBar: number, holdoutPerRequest: number): number | null => {
  const [good, worse] = [1 - Math.max(bound, SMALLEST_BOUND), 1 - twice(bound)];
  return smallestReaching((n) => {
    const holdout = { n: n * holdoutPerRequest, s: n * holdoutPerRequest * good };
    return logMeanExp(
      comparisonLogEValues(
        { treatment: { n, s: n * worse }, holdout },
        clampProbability(good),
        1 / REQUESTS_PER_WITNESS,
      ),
    );
  }, logBar);
};
