// Plays stored buckets again under another threshold: when would the rule have rolled back, and how near did it come? For
// choosing thresholds in shadow mode. A threshold chosen on data says nothing about the same data any more, which is why
// enforcing it starts from nothing.
import type { Against, Rule } from "../../../shared/features/rule.ts";
import { accumulateOutcomes, type OutcomeBucket } from "../accumulate-outcomes.ts";
import { accumulateRequests, leastForWeight } from "../accumulate-requests.ts";
import { EMPTY_TRAFFIC, type OutcomeEvidence } from "../evidence.ts";
import { logEvidenceAbove } from "../keep-tests.ts";
import {
  cannotSucceed,
  logEvidenceBelow,
  logEvidenceWorseThanHoldout,
  onlyTreatmentOf,
} from "../rollback-tests.ts";
import { logMeanExp } from "../statistics/log-sum-exp.ts";
import { gridLogEvidence } from "../statistics/rate-evidence.ts";
import type { ByCohort, Tally } from "../statistics/tally.ts";

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
  /** Whether the evidence beside the holdout is enough, where both are asked for. */
  readonly isShownBeside: boolean;
  readonly logKeepEvidence: number;
};

const summarise = (looks: Iterable<Look>, { threshold, logBar, keepLogBar }: Bars): Replay => {
  let mostLogEvidence: number | null = null;
  let rolledBack: ReplayEvent | null = null;
  let kept: ReplayEvent | null = null;
  for (const { at, seen, logEvidence, isShownBeside, logKeepEvidence } of looks) {
    mostLogEvidence = Math.max(mostLogEvidence ?? -Infinity, logEvidence);
    if (logEvidence >= logBar && isShownBeside) rolledBack ??= { at, ...seen };
    if (logKeepEvidence >= keepLogBar) kept ??= { at, ...seen };
  }
  return { threshold, rolledBack, kept, mostLogEvidence };
};

/** The evidence of all ages after one more bucket: the same under every threshold. */
type OutcomeMoment = {
  readonly at: number;
  /** Of the oldest age that has enough units. */
  readonly seen: Tally;
  readonly logEvidenceBeside: number;
  readonly cannotSucceed: boolean;
};

type OutcomeWalk = {
  readonly against: Against;
  readonly minCohortSize: number;
  /** Seconds from a bucket's begin until it is closed. */
  readonly bucketSeconds: number;
};

/** For each age, in rising order, the buckets that have reached it; against the threshold the whole window is enough. */
export const walkOutcomes = (
  ages: readonly { readonly empty: OutcomeEvidence; readonly buckets: readonly OutcomeBucket[] }[],
  { against, minCohortSize, bucketSeconds }: OutcomeWalk,
): OutcomeMoment[] => {
  const inOrder = ages
    .flatMap(({ empty: { ageSeconds }, buckets }, age) =>
      buckets.map((bucket) => ({ age, bucket, at: bucket.bucketS + bucketSeconds + ageSeconds })),
    )
    .toSorted((one, other) => one.at - other.at);
  // Only the watch over a kept feature asks for the threshold while it accumulates.
  const terms = { threshold: 1, against, isKept: false };
  const evidence = ages.map(({ empty }) => empty);
  const moments: OutcomeMoment[] = [];
  for (const { age, bucket, at } of inOrder) {
    const ofAge = evidence[age];
    if (ofAge === undefined) continue;
    evidence[age] = accumulateOutcomes(ofAge, [bucket], bucket.bucketS + bucketSeconds, terms);
    const judged = against === "holdout" ? evidence : evidence.slice(-1);
    const oldest = judged.findLast(({ mature }) => mature.treatment.n >= minCohortSize);
    if (oldest === undefined) continue;
    moments.push({
      at,
      seen: oldest.mature.treatment,
      logEvidenceBeside: against === "threshold" ? 0 : logEvidenceWorseThanHoldout(evidence),
      cannotSucceed: against === "both" && cannotSucceed(onlyTreatmentOf(evidence)),
    });
  }
  return moments;
};

type OutcomeReplay = Bars & {
  readonly signal: "activation" | "retention";
  readonly against: Against;
  readonly prior: Rule["prior"];
};

/** `moments`: as `walkOutcomes` gives them, by the same `against`. */
export const replayOutcome = (moments: readonly OutcomeMoment[], replay: OutcomeReplay): Replay => {
  const { signal: name, threshold, against, logBar } = replay;
  const signal = { name, threshold };
  const looks = function* (): Generator<Look> {
    for (const { at, seen, logEvidenceBeside, cannotSucceed: isAlone } of moments)
      yield {
        at,
        seen,
        logEvidence: against === "holdout" ? logEvidenceBeside : logEvidenceBelow(replay, signal, seen),
        isShownBeside: against !== "both" || logEvidenceBeside >= logBar || isAlone,
        logKeepEvidence: logEvidenceAbove(replay, signal, seen),
      };
  };
  return summarise(looks(), replay);
};

type TrafficReplay = Bars & {
  /** The share of requests that may be bad. */
  readonly bound: number;
  readonly against: Against;
  readonly bucketSeconds: number;
  /** Unix seconds from which on there were enough exposed units. */
  readonly countsFrom: number;
};

/** Requests, `s` of them bad, in buckets in rising order. */
export const replayTraffic = (
  buckets: readonly ({ readonly bucketS: number } & ByCohort<Tally>)[],
  replay: TrafficReplay,
): Replay => {
  const { bound, against, logBar, bucketSeconds, countsFrom } = replay;
  const looks = function* (): Generator<Look> {
    const terms = { threshold: bound, against, isKept: false };
    const firstS = buckets.find(({ treatment }) => treatment.n > 0)?.bucketS ?? 0;
    let evidence = EMPTY_TRAFFIC;
    for (const bucket of buckets) {
      evidence = accumulateRequests(evidence, bucket, terms, leastForWeight(terms, bucket.bucketS - firstS));
      if (bucket.bucketS < countsFrom) continue;
      const seen = evidence.requests.treatment;
      const beside = logMeanExp(evidence.worseThanHoldout);
      yield {
        at: bucket.bucketS + bucketSeconds,
        seen,
        logEvidence: against === "holdout" ? beside : logMeanExp(evidence.aboveBound),
        isShownBeside: against !== "both" || beside >= logBar,
        logKeepEvidence: gridLogEvidence(seen, bound),
      };
    }
  };
  return summarise(looks(), replay);
};
