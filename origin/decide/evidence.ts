// The evidence of one trial of a feature: tallies and ln evidence, accumulated from mature buckets of telemetry.
// A trial is an epoch under one set of terms; everything here starts from nothing with it. It is stored between evaluations
// under the names of evaluate/stored-evidence.ts.
import type { Ages } from "../../shared/features/outcome-ages.ts";
import type { Missed } from "./missed.ts";
import { COMPARED_RATIOS } from "./statistics/comparison.ts";
import type { Detector } from "./statistics/detector.ts";
import type { CohortShares, RolloutPeriod } from "./statistics/sample-ratio.ts";
import type { BucketSizes } from "./statistics/bucket-sizes.ts";
import { STAKES } from "./statistics/share-bets.ts";
import { NO_VOLUME, type Volume } from "./statistics/volume.ts";
import { EMPTY_TALLIES, EMPTY_TALLY, type ByCohort, type Tally } from "./statistics/tally.ts";

/** What has happened since the feature was kept. */
export type SinceKept = {
  /** Against the threshold, or under a comparison alone beside the holdout. */
  readonly detector: Detector;
  /** ln evidence beside the holdout in the same run, one for each of COMPARED_RATIOS, where an alarm needs both. */
  readonly besideHoldout: readonly number[];
  /** What the detector has seen since it stood at nothing last: the counts behind an alarm. */
  readonly run: ByCohort<Tally>;
};

/** Mature units at one age: exposed at least that long ago, and their telemetry has had time to arrive. */
export type OutcomeEvidence = {
  readonly ageSeconds: number;
  /** Unix seconds: every bucket that begins earlier is in, exactly once; those from here on are not. */
  readonly accumulatedTo: number;
  readonly mature: ByCohort<Tally>;
  /** Treatment units that were exposed and never will be in: their cohort was taken from them (lowered-shares.ts). */
  readonly leftOut: number;
  /**
   * ln evidence that treatment does worse than holdout in the step to this age, one for each of COMPARED_RATIOS: of the
   * units that had not succeeded at the age before, fewer do by this one. Stays 0 under a rule that holds the signal
   * against its threshold alone, for which the tally is enough.
   */
  readonly worseThanHoldout: readonly number[];
  /** Holdout in the same step, from which the next bucket's rate is predicted: units still to succeed, and successes. */
  readonly stepHoldout: Tally;
  /** ln evidence that the holdout cannot succeed at all; of worth only while none of it has. */
  readonly onlyTreatment: number;
  /** The batch that is filling, and the share of the newest treatment units, older ones fading (see RECENT_UNITS). */
  readonly sinceKept: SinceKept & { readonly batch: ByCohort<Tally>; readonly recent: Tally };
  /** Exposures from the begin of the oldest bucket on that is not mature: the traffic in which its units may succeed. */
  readonly volume: Volume;
};

/** Requests by the time they came in. `s` counts bad ones (too slow, or failed). */
export type TrafficEvidence = {
  readonly requests: ByCohort<Tally>;
  /** ln evidence that the share of bad requests is above its bound, one for each of STAKES; or else, by the rule: */
  readonly aboveBound: readonly number[];
  readonly worseThanHoldout: readonly number[];
  /** Of the buckets so far: a bet on the next one is weighted by it. */
  readonly sizes: BucketSizes;
  readonly sinceKept: SinceKept;
};

export type Evidence = {
  /** Unix seconds at which the trial began: only units exposed since then count. */
  readonly since: number;
  readonly exposed: {
    readonly accumulatedTo: number;
    /** Begin of the bucket in which treatment's first unit was exposed; null: none was, or an earlier version counted it. */
    readonly firstBucketS: number | null;
  } & ByCohort<number>;
  /** Units exposed since the rollout was changed last, and the evidence with which earlier periods ended. */
  readonly sampleRatio: RolloutPeriod;
  /** By rising age; the last is the signal's whole window, which its threshold is about. */
  readonly activation: readonly OutcomeEvidence[];
  readonly retention: readonly OutcomeEvidence[];
  readonly traffic: {
    readonly accumulatedTo: number;
    /**
     * Begin of the first bucket that had requests of treatment, in this trial or in one before it with the same buckets: from then
     * on it is known how many come. null: there was none.
     */
    readonly firstRequestS: number | null;
    readonly latency: TrafficEvidence;
    /** Failed requests, against the threshold. */
    readonly errors: TrafficEvidence;
    /** Failed and unfinished requests, beside the holdout. */
    readonly lost: TrafficEvidence;
    /** 95th percentile since the trial began, in ms; null before the first request. */
    readonly p95Ms: ByCohort<number | null>;
  };
  /** What is in without the people of some partitions; they are taken in later. */
  readonly missed: readonly Missed[];
};

const zeros = (components: number): number[] => Array.from({ length: components }, () => 0);

const NOTHING_SINCE_KEPT: SinceKept = { detector: [], besideHoldout: [], run: EMPTY_TALLIES };

export const EMPTY_TRAFFIC: TrafficEvidence = {
  requests: EMPTY_TALLIES,
  aboveBound: zeros(STAKES.length),
  worseThanHoldout: zeros(COMPARED_RATIOS.length),
  sizes: [],
  sinceKept: NOTHING_SINCE_KEPT,
};

/**
 * The evidence of a trial that begins at `since` (unix seconds; rounded down to the bucket it lies in). `detects`: which
 * mismatch the cohorts' ratio can show after the changes earlier in the epoch.
 */
export const emptyEvidence = (
  ages: Ages,
  since: number,
  { rolloutBps, holdoutBps }: CohortShares,
  detects: RolloutPeriod["detects"] = "both",
): Evidence => {
  const accumulatedTo = Math.floor(since / ages.bucketSeconds) * ages.bucketSeconds;
  const outcome = (ageSeconds: number): OutcomeEvidence => ({
    ageSeconds,
    accumulatedTo,
    mature: EMPTY_TALLIES,
    leftOut: 0,
    worseThanHoldout: zeros(COMPARED_RATIOS.length),
    stepHoldout: EMPTY_TALLY,
    onlyTreatment: 0,
    sinceKept: { ...NOTHING_SINCE_KEPT, batch: EMPTY_TALLIES, recent: EMPTY_TALLY },
    volume: { ...NO_VOLUME, from: accumulatedTo, knownTo: accumulatedTo },
  });
  return {
    since: accumulatedTo,
    exposed: { accumulatedTo, firstBucketS: null, treatment: 0, holdout: 0 },
    sampleRatio: {
      rolloutBps,
      holdoutBps,
      since: accumulatedTo,
      detects,
      treatment: 0,
      holdout: 0,
      earlierLogEvidence: null,
    },
    activation: ages.activation.map(outcome),
    retention: ages.retention.map(outcome),
    traffic: {
      accumulatedTo,
      firstRequestS: null,
      latency: EMPTY_TRAFFIC,
      errors: EMPTY_TRAFFIC,
      lost: EMPTY_TRAFFIC,
      p95Ms: { treatment: null, holdout: null },
    },
    missed: [],
  };
};
