// Calibrates the thresholds of requests: the latency that counts as slow, and the share that may fail.
import { setImmediate } from "node:timers/promises";
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import { lostOf, SLOW_SHARE } from "../decide/accumulate-requests.ts";
import { KEEP_LOG_BAR, rollbackLogBar } from "../decide/alpha-shares.ts";
import { matureUpTo } from "../decide/maturity.ts";
import { concludeCalibration, type SignalCalibration } from "../decide/planning/calibration.ts";
import { replayTraffic, type Replay } from "../decide/planning/replay.ts";
import { bucketsNeeded, requestsNeeded, type Sufficiency } from "../decide/planning/sufficiency.ts";
import { totalByCohort } from "../decide/statistics/tally.ts";
import type { Against } from "../../shared/features/rule.ts";
import type { CalibratedEpoch } from "./calibrate-outcome.ts";
import type { BucketRange } from "./bucket-range.ts";
import type { OutcomeRange } from "./read-outcomes.ts";
import { trafficBuckets, type TrafficPart } from "./read-traffic.ts";

/** The factors by which the threshold is multiplied. */
const REQUEST_RATIOS = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2, 3] as const;

/** Requests of an epoch, and the time from which on there were enough exposed units for them to count. */
export type Requests = { readonly parts: readonly TrafficPart[]; readonly countsFrom: number };

/** What `requestsOf` needs. `now`: unix seconds. */
export const requestRanges = (
  { featureId, epoch, ages }: CalibratedEpoch,
  now: number,
): { readonly traffic: BucketRange; readonly exposures: OutcomeRange } => {
  const traffic = { featureId, epoch, from: 0, upTo: matureUpTo(ages, 0, { now, lagSeconds: 0 }) };
  return {
    traffic,
    exposures: { ...traffic, signal: "exposure", ageSeconds: 0, earlierAgeSeconds: null },
  };
};

export const requestsOf = (
  { rule }: CalibratedEpoch,
  parts: readonly TrafficPart[],
  exposures: readonly OutcomeBucket[],
): Requests => {
  let exposed = 0;
  const enough = exposures.find(({ treatment }) => (exposed += treatment.n) >= rule.minCohortSize);
  return { parts, countsFrom: enough?.bucketS ?? Infinity };
};

export const calibrateTraffic = async (
  { rule, ages }: CalibratedEpoch,
  { parts, countsFrom }: Requests,
  { signal, against }: { readonly signal: "latency" | "errorRate"; readonly against: Against },
): Promise<SignalCalibration> => {
  const present = signal === "latency" ? rule.latencyP95Threshold : (rule.errorRateThreshold ?? 1);
  const boundAt = (threshold: number): number => (signal === "latency" ? SLOW_SHARE : threshold);
  const bucketsAt = (latencyThresholdMs: number) =>
    trafficBuckets(parts, { latencyThresholdMs, latencyOf: rule.latency.of }).map((bucket) => {
      const ofErrors = against === "holdout" ? lostOf(bucket) : bucket.errors;
      const { treatment, holdout } = signal === "latency" ? bucket.latency : ofErrors;
      return { bucketS: bucket.bucketS, treatment, holdout };
    });
  const presentBuckets = bucketsAt(rule.latencyP95Threshold);
  const logBar = rollbackLogBar(rule, signal);
  const replayAt = (threshold: number): Replay =>
    replayTraffic(signal === "latency" && threshold !== present ? bucketsAt(threshold) : presentBuckets, {
      logBar,
      keepLogBar: KEEP_LOG_BAR,
      threshold,
      bound: boundAt(threshold),
      against,
      bucketSeconds: ages.bucketSeconds,
      countsFrom,
    });
  // Beside a holdout the bound of an error rate rolls nothing back; the latency that counts as slow does.
  const thresholds = (against === "holdout" && signal === "errorRate" ? [1] : REQUEST_RATIOS)
    .map((ratio) => ratio * present)
    .filter((threshold) => signal === "latency" || threshold < 1);
  const current = replayAt(present);
  const replays: Replay[] = [];
  for (const threshold of thresholds) {
    replays.push(threshold === present ? current : replayAt(threshold));
    // A month of buckets takes about 0.2 s for each threshold; the service has other work meanwhile.
    await setImmediate();
  }
  const seen = totalByCohort(presentBuckets);
  const bound = boundAt(present);
  const sufficiency: Sufficiency =
    against !== "threshold"
      ? {
          unit: "requests",
          have: seen.treatment.n,
          needed: requestsNeeded(bound, logBar, seen.holdout.n / Math.max(1, seen.treatment.n)),
        }
      : {
          unit: "buckets",
          have: presentBuckets.filter(({ treatment }) => treatment.n > 0).length,
          needed: bucketsNeeded(bound, logBar),
        };
  return concludeCalibration({
    signal,
    against,
    seen: seen.treatment,
    sufficiency,
    current,
    replays,
  });
};
