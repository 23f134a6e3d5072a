// A trial as pmf_trials keeps it. The stored names of its evidence are older than those of the code: data folders and processes
// of the version before go on with them, so they are mapped here, at the door, and nowhere else.
import type { SignalName } from "../decide/decision.ts";
import {
  EMPTY_TRAFFIC,
  type Evidence,
  type OutcomeEvidence,
  type SinceKept,
  type TrafficEvidence,
} from "../decide/evidence.ts";
import type { Missed } from "../decide/missed.ts";
import type { BucketSizes } from "../decide/statistics/bucket-sizes.ts";
import type { Detector } from "../decide/statistics/detector.ts";
import type { RolloutPeriod } from "../decide/statistics/sample-ratio.ts";
import { EMPTY_TALLIES, EMPTY_TALLY, type ByCohort, type Tally } from "../decide/statistics/tally.ts";
import { NO_VOLUME, type Volume } from "../decide/statistics/volume.ts";

/**
 * SQL expression of the stamp that tells one stored state of the trial `t` from every other. Its number alone does not: after a
 * crash that took away a commit that was not waited for, the same number is given to another state.
 */
export const trialStamp = "t.seq || '@' || extract(epoch from t.updated_at)";

/** Its evidence was written by storeEvaluations and is trusted. */
export type StoredTrial = {
  readonly terms: string;
  readonly stamp: string;
  readonly decided: "KEEP" | "ROLLBACK" | null;
  readonly cause: readonly SignalName[];
  readonly evidence: Evidence;
  readonly treatmentSketch: Uint8Array;
  readonly holdoutSketch: Uint8Array;
};

/** Trials that an earlier version began lack `beside` and `run`. They begin again (trial-terms.ts). */
type StoredWatch = {
  readonly detector: Detector;
  readonly beside?: Detector;
  readonly run?: ByCohort<Tally>;
};

type StoredOutcome = {
  readonly ageSeconds: number;
  readonly foldedTo: number;
  readonly mature: ByCohort<Tally>;
  /** Not there: none was. */
  readonly leftOut?: number;
  readonly worse: readonly number[];
  readonly held: Tally;
  readonly sole?: number;
  readonly watch: StoredWatch & { readonly filling: ByCohort<Tally>; readonly recent?: Tally };
  readonly volume?: Volume;
};

type StoredTraffic = {
  readonly requests: ByCohort<Tally>;
  readonly above: readonly number[];
  readonly worse: readonly number[];
  readonly sizes?: BucketSizes;
  readonly watch: StoredWatch;
};

export type StoredEvidence = {
  readonly since: number;
  /** Trials that an earlier version began lack the bucket of the first exposure. */
  readonly exposed: { readonly foldedTo: number; readonly firstBucketS?: number | null } & ByCohort<number>;
  readonly sampleRatio: Omit<RolloutPeriod, "detects" | "earlierLogEvidence"> & {
    readonly tells: RolloutPeriod["detects"];
    readonly before: number | null;
  };
  readonly activation: readonly StoredOutcome[];
  readonly retention: readonly StoredOutcome[];
  readonly traffic: {
    readonly foldedTo: number;
    /** Trials that an earlier version began lack it: then it is the bucket of the first exposure. */
    readonly firstRequestS?: number | null;
    readonly latency: StoredTraffic;
    readonly errors: StoredTraffic;
    readonly lost?: StoredTraffic;
    readonly p95Ms: ByCohort<number | null>;
  };
  /** Not there: an origin stored it that knows nothing of partitions. Where counts are kept by partition, the database refuses it. */
  readonly missed?: readonly Missed[];
};

const storeWatch = ({ detector, besideHoldout, run }: SinceKept): StoredWatch => ({
  detector,
  beside: besideHoldout,
  run,
});

const storeOutcome = (outcome: OutcomeEvidence): StoredOutcome => ({
  ageSeconds: outcome.ageSeconds,
  foldedTo: outcome.accumulatedTo,
  mature: outcome.mature,
  ...(outcome.leftOut === 0 ? {} : { leftOut: outcome.leftOut }),
  worse: outcome.worseThanHoldout,
  held: outcome.stepHoldout,
  sole: outcome.onlyTreatment,
  watch: {
    ...storeWatch(outcome.sinceKept),
    filling: outcome.sinceKept.batch,
    recent: outcome.sinceKept.recent,
  },
  volume: outcome.volume,
});

const storeTraffic = (traffic: TrafficEvidence): StoredTraffic => ({
  requests: traffic.requests,
  above: traffic.aboveBound,
  worse: traffic.worseThanHoldout,
  sizes: traffic.sizes,
  watch: storeWatch(traffic.sinceKept),
});

export const toStoredEvidence = (evidence: Evidence): StoredEvidence => {
  const { since, exposed, sampleRatio, activation, retention, traffic, missed } = evidence;
  const { detects, earlierLogEvidence, ...period } = sampleRatio;
  return {
    since,
    exposed: {
      foldedTo: exposed.accumulatedTo,
      firstBucketS: exposed.firstBucketS,
      treatment: exposed.treatment,
      holdout: exposed.holdout,
    },
    sampleRatio: { ...period, tells: detects, before: earlierLogEvidence },
    activation: activation.map(storeOutcome),
    retention: retention.map(storeOutcome),
    traffic: {
      foldedTo: traffic.accumulatedTo,
      firstRequestS: traffic.firstRequestS,
      latency: storeTraffic(traffic.latency),
      errors: storeTraffic(traffic.errors),
      lost: storeTraffic(traffic.lost),
      p95Ms: traffic.p95Ms,
    },
    missed,
  };
};

const readWatch = ({ detector, beside = [], run = EMPTY_TALLIES }: StoredWatch): SinceKept => ({
  detector,
  besideHoldout: beside,
  run,
});

const readOutcome = (stored: StoredOutcome): OutcomeEvidence => ({
  ageSeconds: stored.ageSeconds,
  accumulatedTo: stored.foldedTo,
  mature: stored.mature,
  leftOut: stored.leftOut ?? 0,
  worseThanHoldout: stored.worse,
  stepHoldout: stored.held,
  onlyTreatment: stored.sole ?? 0,
  sinceKept: {
    ...readWatch(stored.watch),
    batch: stored.watch.filling,
    recent: stored.watch.recent ?? EMPTY_TALLY,
  },
  volume: stored.volume ?? { ...NO_VOLUME, from: stored.foldedTo, knownTo: stored.foldedTo },
});

const readTraffic = (stored: StoredTraffic): TrafficEvidence => ({
  requests: stored.requests,
  aboveBound: stored.above,
  worseThanHoldout: stored.worse,
  sizes: stored.sizes ?? [],
  sinceKept: readWatch(stored.watch),
});

export const fromStoredEvidence = (stored: StoredEvidence): Evidence => {
  const { since, exposed, sampleRatio, activation, retention, traffic } = stored;
  const { tells, before, ...period } = sampleRatio;
  return {
    since,
    exposed: {
      accumulatedTo: exposed.foldedTo,
      firstBucketS: exposed.firstBucketS ?? null,
      treatment: exposed.treatment,
      holdout: exposed.holdout,
    },
    sampleRatio: { ...period, detects: tells, earlierLogEvidence: before },
    activation: activation.map(readOutcome),
    retention: retention.map(readOutcome),
    traffic: {
      accumulatedTo: traffic.foldedTo,
      firstRequestS: traffic.firstRequestS ?? exposed.firstBucketS ?? null,
      latency: readTraffic(traffic.latency),
      errors: readTraffic(traffic.errors),
      lost: traffic.lost === undefined ? EMPTY_TRAFFIC : readTraffic(traffic.lost),
      p95Ms: traffic.p95Ms,
    },
    missed: stored.missed ?? [],
  };
};
