// A trial as pmf_trials keeps it. The stored names of its evidence are older than those of the code: data folders and processes
// of the version before go on with them, so they are mapped here, at the door, and nowhere else.
import type { SignalName } from "../decide/decision.ts";
import type { Evidence, OutcomeEvidence, TrafficEvidence } from "../decide/evidence.ts";
import type { Detector } from "../decide/statistics/detector.ts";
import type { RolloutPeriod } from "../decide/statistics/sample-ratio.ts";
import type { ByCohort, Tally } from "../decide/statistics/tally.ts";

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

type StoredOutcome = {
  readonly ageSeconds: number;
  readonly foldedTo: number;
  readonly mature: ByCohort<Tally>;
  readonly worse: readonly number[];
  readonly held: Tally;
  readonly watch: { readonly detector: Detector; readonly filling: ByCohort<Tally> };
};

type StoredTraffic = {
  readonly requests: ByCohort<Tally>;
  readonly above: readonly number[];
  readonly worse: readonly number[];
  readonly watch: { readonly detector: Detector };
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
    readonly latency: StoredTraffic;
    readonly errors: StoredTraffic;
    readonly p95Ms: ByCohort<number | null>;
  };
};

const storeOutcome = (outcome: OutcomeEvidence): StoredOutcome => ({
  ageSeconds: outcome.ageSeconds,
  foldedTo: outcome.accumulatedTo,
  mature: outcome.mature,
  worse: outcome.worseThanHoldout,
  held: outcome.stepHoldout,
  watch: { detector: outcome.sinceKept.detector, filling: outcome.sinceKept.batch },
});

const storeTraffic = (traffic: TrafficEvidence): StoredTraffic => ({
  requests: traffic.requests,
  above: traffic.aboveBound,
  worse: traffic.worseThanHoldout,
  watch: traffic.sinceKept,
});

export const toStoredEvidence = (evidence: Evidence): StoredEvidence => {
  const { since, exposed, sampleRatio, activation, retention, traffic } = evidence;
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
      latency: storeTraffic(traffic.latency),
      errors: storeTraffic(traffic.errors),
      p95Ms: traffic.p95Ms,
    },
  };
};

const readOutcome = (stored: StoredOutcome): OutcomeEvidence => ({
  ageSeconds: stored.ageSeconds,
  accumulatedTo: stored.foldedTo,
  mature: stored.mature,
  worseThanHoldout: stored.worse,
  stepHoldout: stored.held,
  sinceKept: { detector: stored.watch.detector, batch: stored.watch.filling },
});

const readTraffic = (stored: StoredTraffic): TrafficEvidence => ({
  requests: stored.requests,
  aboveBound: stored.above,
  worseThanHoldout: stored.worse,
  sinceKept: stored.watch,
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
      latency: readTraffic(traffic.latency),
      errors: readTraffic(traffic.errors),
      p95Ms: traffic.p95Ms,
    },
  };
};
