// Plays stored buckets again under another threshold: when would the rule have rolled back, and how near did it come? For
// choosing thresholds in shadow mode. A threshold chosen on data says nothing about the same data any more, which is why
// enforcing it starts from nothing.
import { accumulateOutcomes, type OutcomeBucket } from "../accumulate-outcomes.ts";
import { accumulateRequests } from "../accumulate-requests.ts";
import { EMPTY_TRAFFIC, type OutcomeEvidence } from "../evidence.ts";
import { logEvidenceWorseThanHoldout } from "../rollback-tests.ts";
import { logMeanExp } from "../statistics/log-sum-exp.ts";
import { gridLogEvidence, gridLogKeepEvidence } from "../statistics/rate-evidence.ts";
import { addTallies, EMPTY_TALLY, type ByCohort, type Tally } from "../statistics/tally.ts";

/** `at`: unix seconds; with the tally at that time. */
export type ReplayEvent = { readonly at: number } & Tally;

export type Replay = {
  readonly threshold: number;
  readonly rolledBack: ReplayEvent | null;
  readonly kept: ReplayEvent | null;
  /** The most ln evidence for a rollback over the whole time; null before enough units were there. */
  readonly mostLogEvidence: number | null;
};

type Bars = {
  /** The threshold that is named beside the result. */
  readonly threshold: number;
  readonly logBar: number;
  readonly keepLogBar: number;
};

type Look = {
  readonly at: number;
  readonly seen: Tally;
  readonly logEvidence: number;
  readonly logKeepEvidence: number;
};

const summarise = (looks: Iterable<Look>, { threshold, logBar, keepLogBar }: Bars): Replay => {
  let mostLogEvidence: number | null = null;
  let rolledBack: ReplayEvent | null = null;
  let kept: ReplayEvent | null = null;
  for (const { at, seen, logEvidence, logKeepEvidence } of looks) {
    mostLogEvidence = Math.max(mostLogEvidence ?? -Infinity, logEvidence);
    if (logEvidence >= logBar) rolledBack ??= { at, ...seen };
    if (logKeepEvidence >= keepLogBar) kept ??= { at, ...seen };
  }
  return { threshold, rolledBack, kept, mostLogEvidence };
};

type OutcomeReplay = Bars & {
  readonly minCohortSize: number;
  /** Seconds from a bucket's begin until it is closed. */
  readonly bucketSeconds: number;
};

/** An outcome against `threshold`: treatment's buckets at the whole window, in rising order. */
export const replayThreshold = (
  { ageSeconds, buckets }: { readonly ageSeconds: number; readonly buckets: readonly OutcomeBucket[] },
  replay: OutcomeReplay,
): Replay => {
  const { threshold, minCohortSize, bucketSeconds } = replay;
  const looks = function* (): Generator<Look> {
    let seen = EMPTY_TALLY;
    for (const { bucketS, treatment } of buckets) {
      seen = addTallies(seen, treatment);
      if (seen.n < minCohortSize) continue;
      yield {
        at: bucketS + bucketSeconds + ageSeconds,
        seen,
        logEvidence: gridLogEvidence(seen, threshold),
        logKeepEvidence: gridLogKeepEvidence(seen, threshold),
      };
    }
  };
  return summarise(looks(), replay);
};

/** An outcome beside the holdout: for each age, in rising order, the buckets that have reached it. KEEP is by `threshold`. */
export const replayComparison = (
  ages: readonly { readonly empty: OutcomeEvidence; readonly buckets: readonly OutcomeBucket[] }[],
  replay: OutcomeReplay,
): Replay => {
  const { threshold, minCohortSize, bucketSeconds } = replay;
  const inOrder = ages
    .flatMap(({ empty: { ageSeconds }, buckets }, age) =>
      buckets.map((bucket) => ({ age, bucket, at: bucket.bucketS + bucketSeconds + ageSeconds })),
    )
    .toSorted((one, other) => one.at - other.at);
  const looks = function* (): Generator<Look> {
    const evidence = ages.map(({ empty }) => empty);
    for (const { age, bucket, at } of inOrder) {
      const ofAge = evidence[age];
      if (ofAge === undefined) continue;
      evidence[age] = accumulateOutcomes(ofAge, [bucket], bucket.bucketS + bucketSeconds, {
        threshold,
        against: "holdout",
        isKept: false,
      });
      const oldest = evidence.findLast(({ mature }) => mature.treatment.n >= minCohortSize);
      if (oldest === undefined) continue;
      const seen = oldest.mature.treatment;
      yield {
        at,
        seen,
        logEvidence: logEvidenceWorseThanHoldout(evidence),
        logKeepEvidence: gridLogKeepEvidence(seen, threshold),
      };
    }
  };
  return summarise(looks(), replay);
};

type TrafficReplay = Bars & {
  /** The share of requests that may be bad. */
  readonly bound: number;
  readonly against: "threshold" | "holdout";
  readonly bucketSeconds: number;
  /** Unix seconds from which on there were enough exposed units. */
  readonly countsFrom: number;
};

/** Requests, `s` of them bad, in buckets in rising order. */
export const replayTraffic = (
  buckets: readonly ({ readonly bucketS: number } & ByCohort<Tally>)[],
  replay: TrafficReplay,
): Replay => {
  const { bound, against, bucketSeconds, countsFrom } = replay;
  const looks = function* (): Generator<Look> {
    let evidence = EMPTY_TRAFFIC;
    for (const bucket of buckets) {
      evidence = accumulateRequests(evidence, bucket, { threshold: bound, against, isKept: false });
      if (bucket.bucketS < countsFrom) continue;
      const seen = evidence.requests.treatment;
      yield {
        at: bucket.bucketS + bucketSeconds,
        seen,
        logEvidence: logMeanExp(against === "holdout" ? evidence.worseThanHoldout : evidence.aboveBound),
        logKeepEvidence: gridLogEvidence(seen, bound),
      };
    }
  };
  return summarise(looks(), replay);
};
