// What is known about one trial of a feature: tallies and log evidence, folded from buckets of settled telemetry.
// A trial is an epoch under one set of terms; everything here starts from nothing with it. Stored as JSON between checks.
import type { Ages } from "../../shared/features/outcome-ages.ts";
import { BETS } from "./statistics/share-bets.ts";
import { COMPARED_RATIOS } from "./statistics/comparison.ts";
import type { Detector } from "./statistics/detector.ts";
import type { Tally } from "./statistics/rate-evidence.ts";
import type { Rollout, Stretch } from "./statistics/sample-ratio.ts";

export type Arms<T> = { readonly treatment: T; readonly holdout: T };

/** Units whose outcome at one age is settled: exposed at least that long ago, and their telemetry has had time to arrive. */
export type OutcomeEvidence = {
  readonly ageSeconds: number;
  /** Unix seconds: every bucket that begins earlier is in, exactly once; those from here on are not. */
  readonly foldedTo: number;
  readonly mature: Arms<Tally>;
  /**
   * ln evidence that treatment does worse than holdout in the step to this age, one for each of COMPARED_RATIOS: of the
   * units that had not succeeded at the age before, fewer do by this one. Stays 0 under a rule that holds the signal
   * against its threshold, for which the tally is enough.
   */
  readonly worse: readonly number[];
  /** Holdout in the same step, which tells what the next bucket's bet expects: units still to succeed, and successes. */
  readonly held: Tally;
  /** Since the feature was kept: the detector, and the units of the batch that is filling. */
  readonly watch: { readonly detector: Detector; readonly filling: Arms<Tally> };
};

/** Requests by the time they came in. `s` counts bad ones (too slow, or failed). */
export type TrafficEvidence = {
  readonly requests: Arms<Tally>;
  /** ln evidence that the share of bad requests is above its bound, one for each of BETS; or else, by the rule: */
  readonly above: readonly number[];
  readonly worse: readonly number[];
  readonly watch: { readonly detector: Detector };
};

export type Evidence = {
  /** Unix seconds at which the trial began: only units exposed since then count. */
  readonly since: number;
  readonly exposed: { readonly foldedTo: number } & Arms<number>;
  /** Units exposed since the rollout was changed last, and what the stretches before had to say. */
  readonly sampleRatio: Stretch;
  /** By rising age; the last is the signal's whole window, which its threshold is about. */
  readonly activation: readonly OutcomeEvidence[];
  readonly retention: readonly OutcomeEvidence[];
  readonly traffic: {
    readonly foldedTo: number;
    readonly latency: TrafficEvidence;
    readonly errors: TrafficEvidence;
    /** 95th percentile since the trial began, in ms; null before the first request. */
    readonly p95Ms: Arms<number | null>;
  };
};

const NOTHING: Tally = { n: 0, s: 0 };
export const nothing: Arms<Tally> = { treatment: NOTHING, holdout: NOTHING };
const even = (components: number): number[] => Array.from({ length: components }, () => 0);

export const noTraffic: TrafficEvidence = {
  requests: nothing,
  above: even(BETS.length),
  worse: even(COMPARED_RATIOS.length),
  watch: { detector: [] },
};

/**
 * The evidence of a trial that begins at `since` (unix seconds; rounded down to the bucket it lies in). `tells`: what the
 * cohorts' ratio can tell after what happened earlier in the epoch.
 */
export const noEvidence = (
  ages: Ages,
  since: number,
  { rolloutBps, holdoutBps }: Rollout,
  tells: Stretch["tells"] = "both",
): Evidence => {
  const foldedTo = Math.floor(since / ages.bucketSeconds) * ages.bucketSeconds;
  const outcome = (ageSeconds: number): OutcomeEvidence => ({
    ageSeconds,
    foldedTo,
    mature: nothing,
    worse: even(COMPARED_RATIOS.length),
    held: NOTHING,
    watch: { detector: [], filling: nothing },
  });
  return {
    since: foldedTo,
    exposed: { foldedTo, treatment: 0, holdout: 0 },
    sampleRatio: {
      rolloutBps,
      holdoutBps,
      since: foldedTo,
      tells,
      treatment: 0,
      holdout: 0,
      before: null,
    },
    activation: ages.activation.map(outcome),
    retention: ages.retention.map(outcome),
    traffic: {
      foldedTo,
      latency: noTraffic,
      errors: noTraffic,
      p95Ms: { treatment: null, holdout: null },
    },
  };
};
