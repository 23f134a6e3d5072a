// Plays stored buckets again under another threshold: when would the rule have rolled back, and how near did it come? For
// choosing thresholds in shadow mode. A threshold chosen on data says nothing about the same data any more, which is why
// enforcing it starts from nothing.
import { EMPTY_TRAFFIC, type OutcomeEvidence } from "../evidence.ts";
import type { ByCohort, Tally } from "../statistics/tally.ts";
import { accumulateOutcomes, type OutcomeBucket } from "../accumulate-outcomes.ts";
import { accumulateRequests } from "../accumulate-requests.ts";
import { logMeanExp } from "../statistics/log-sum-exp.ts";
import { gridLogEvidence, gridLogKeepEvidence } from "../statistics/rate-evidence.ts";
import { logEvidenceWorseThanHoldout } from "../rollback-tests.ts";

type Bars = {
  /** What is said of it; the replays below say what it means. */
  readonly threshold: number;
  readonly logBar: number;
  readonly keepLogBar: number;
};

/** `at`: unix seconds; the tally is what was counted by then. */
export type ReplayEvent = { readonly at: number } & Tally;

export type Replay = {
  readonly threshold: number;
  readonly rolledBack: ReplayEvent | null;
  readonly kept: ReplayEvent | null;
  /** The most ln evidence for a rollback over the whole time; null before enough units were there. */
  readonly mostLogEvidence: number | null;
};

type Look = {
  readonly at: number;
  readonly seen: Tally;
  readonly logEvidence: number;
  readonly logKeep: number;
};

const summarise = (looks: Iterable<Look>, { threshold, logBar, keepLogBar }: Bars): Replay => {
  let mostLogEvidence: number | null = null;
  let rolledBack: ReplayEvent | null = null;
  let kept: ReplayEvent | null = null;
  for (const { at, seen, logEvidence, logKeep } of looks) {
    mostLogEvidence = Math.max(mostLogEvidence ?? -Infinity, logEvidence);
    if (logEvidence >= logBar) rolledBack ??= { at, ...seen };
    if (logKeep >= keepLogBar) kept ??= { at, ...seen };
  }
  return { threshold, rolledBack, kept, mostLogEvidence };
};

const add = (one: Tally, other: Tally): Tally => ({ n: one.n + other.n, s: one.s + other.s });

type OutcomeTerms = Bars & {
  readonly minCohortSize: number;
  /** Seconds from a bucket's begin until it is closed. */
  readonly bucketSeconds: number;
};

/** An outcome against `threshold`: treatment's buckets at the whole window, in rising order. */
export const replayThreshold = (
  { ageSeconds, buckets }: { readonly ageSeconds: number; readonly buckets: readonly OutcomeBucket[] },
  terms: OutcomeTerms,
): Replay => {
  const looks = function* (): Generator<Look> {
    let seen: Tally = { n: 0, s: 0 };
    for (const { bucketS, treatment } of buckets) {
      seen = add(seen, treatment);
      if (seen.n < terms.minCohortSize) continue;
      yield {
        at: bucketS + terms.bucketSeconds + ageSeconds,
        seen,
        logEvidence: gridLogEvidence(seen, terms.threshold),
        logKeep: gridLogKeepEvidence(seen, terms.threshold),
      };
    }
  };
  return summarise(looks(), terms);
};

/** An outcome beside the holdout: for each age, in rising order, the buckets that have reached it. KEEP is by `threshold`. */
export const replayComparison = (
  ages: readonly { readonly empty: OutcomeEvidence; readonly buckets: readonly OutcomeBucket[] }[],
  terms: OutcomeTerms,
): Replay => {
  const { threshold, bucketSeconds } = terms;
  const inTime = ages
    .flatMap(({ empty: { ageSeconds }, buckets }, age) =>
      buckets.map((bucket) => ({ age, bucket, at: bucket.bucketS + bucketSeconds + ageSeconds })),
    )
    .toSorted((one, other) => one.at - other.at);
  const looks = function* (): Generator<Look> {
    const parts = ages.map(({ empty }) => empty);
    for (const { age, bucket, at } of inTime) {
      const part = parts[age];
      if (part === undefined) continue;
      parts[age] = accumulateOutcomes(part, [bucket], bucket.bucketS + bucketSeconds, {
        threshold,
        against: "holdout",
        isKept: false,
      });
      const oldest = parts.findLast(({ mature }) => mature.treatment.n >= terms.minCohortSize);
      if (oldest === undefined) continue;
      const seen = oldest.mature.treatment;
      yield {
        at,
        seen,
        logEvidence: logEvidenceWorseThanHoldout(parts),
        logKeep: gridLogKeepEvidence(seen, threshold),
      };
    }
  };
  return summarise(looks(), terms);
};

/** Requests, `s` of them bad, in buckets in rising order, of which `bound` may be; counted from the time `countsFrom` on. */
export const replayTraffic = (
  buckets: readonly ({ readonly bucketS: number } & ByCohort<Tally>)[],
  terms: Bars & {
    readonly bound: number;
    readonly against: "threshold" | "holdout";
    readonly bucketSeconds: number;
    readonly countsFrom: number;
  },
): Replay => {
  const { bound, against } = terms;
  const looks = function* (): Generator<Look> {
    let evidence = EMPTY_TRAFFIC;
    for (const bucket of buckets) {
      evidence = accumulateRequests(evidence, bucket, { threshold: bound, against, isKept: false });
      if (bucket.bucketS < terms.countsFrom) continue;
      const seen = evidence.requests.treatment;
      yield {
        at: bucket.bucketS + terms.bucketSeconds,
        seen,
        logEvidence: logMeanExp(against === "holdout" ? evidence.worseThanHoldout : evidence.aboveBound),
        logKeep: gridLogEvidence(seen, bound),
      };
    }
  };
  return summarise(looks(), terms);
};
