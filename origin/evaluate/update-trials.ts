// Brings many trials up to date: works out what has settled since each was folded last, reads it in two statements,
// folds it. Pure but for the read.
import {
  emptySketch,
  encodeSketch,
  mergeEncoded,
  quantile,
  decodeSketch,
} from "../../shared/telemetry/latency-sketch.ts";
import type { Queryable } from "../db/pool.ts";
import { emptyEvidence, type Evidence, type OutcomeEvidence } from "../decide/evidence.ts";
import { accumulateExposures } from "../decide/accumulate-exposures.ts";
import { accumulateOutcomes, type OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import { accumulateTraffic } from "../decide/accumulate-requests.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { watermarkFor, type Watermark } from "./watermark.ts";
import {
  readOutcomes,
  readTraffic,
  trafficBuckets,
  type OutcomeRange,
  type TrafficPart,
} from "./read-buckets.ts";
import type { EvaluationTarget, StoredTrial } from "./targets.ts";
import { matureUpTo, type MaturityClock } from "../decide/maturity.ts";

export type UpdatedTrial = Omit<StoredTrial, "stamp"> & {
  readonly alphaSpent: number;
  readonly expectedStamp: string | null;
  /** Whether it differs from what is stored. */
  readonly changed: boolean;
  /** The stored trial has other terms, or has ended and has none: it began again from nothing. */
  readonly restarted: boolean;
};

/** A trial with nothing in it yet, that begins at `since` (unix seconds). */
const newTrial = (due: EvaluationTarget, since: number, expectedStamp: string | null): UpdatedTrial => {
  const empty = encodeSketch(emptySketch());
  // A rollout that was changed together with the trial is seen as a change.
  const cohorts = due.trial?.evidence.sampleRatio;
  return {
    terms: due.terms,
    alphaSpent: due.rule.mode === "enforce" ? due.rule.falseRollbackRate : 0,
    expectedStamp,
    decided: null,
    cause: [],
    evidence: emptyEvidence(due.ages, since, cohorts ?? due, cohorts?.detects),
    treatmentSketch: empty,
    holdoutSketch: empty,
    changed: true,
    restarted: expectedStamp !== null,
  };
};

/**
 * The running trial, or the one to begin: with the epoch, or, when it has ended or the rule's terms have changed, with the
 * next whole bucket, so that nobody exposed before is in it.
 */
const currentTrial = (due: EvaluationTarget, now: number): UpdatedTrial => {
  if (due.trial === null) return newTrial(due, due.epochStartedAt, null);
  const { stamp, ...trial } = due.trial;
  return trial.terms === due.terms
    ? { ...trial, alphaSpent: 0, expectedStamp: stamp, changed: false, restarted: false }
    : newTrial(due, now + due.ages.bucketSeconds, stamp);
};

type Signal = OutcomeRange["signal"];
type Part = Pick<OutcomeRange, "signal" | "ageSeconds" | "earlierAgeSeconds"> & {
  readonly accumulatedTo: number;
};

const outcomeReads = ({ exposed, ...outcomes }: Evidence, { compare }: Rule): Part[] => [
  { signal: "exposure", ageSeconds: 0, earlierAgeSeconds: null, accumulatedTo: exposed.accumulatedTo },
  ...(["activation", "retention"] as const).flatMap((signal) =>
    outcomes[signal].map(({ ageSeconds, accumulatedTo }, index, ages) => {
      const before = compare[signal] === "holdout" ? ages[index - 1] : undefined;
      return { signal, ageSeconds, earlierAgeSeconds: before?.ageSeconds ?? null, accumulatedTo };
    }),
  ),
];

const mergeSketches = (
  stored: Uint8Array,
  parts: readonly TrafficPart[],
  cohort: "treatment" | "holdout",
): Uint8Array => {
  const added = parts.filter((one) => one.cohort === cohort);
  if (added.length === 0) return stored;
  const merged = decodeSketch(stored);
  for (const { sketch } of added) mergeEncoded(merged, sketch);
  return encodeSketch(merged);
};

type Mature<T> = { readonly upTo: number; readonly found: T };

/** What has settled of one trial since it was folded last. */
type MatureData = {
  readonly outcomes: ReadonlyMap<string, Mature<readonly OutcomeBucket[]>>;
  readonly traffic: Mature<readonly TrafficPart[]> | undefined;
};

const keyOf = (signal: Signal, ageSeconds: number): string => `${signal} ${ageSeconds}`;

const updateTrial = (
  trial: UpdatedTrial,
  { outcomes, traffic }: MatureData,
  due: EvaluationTarget,
  now: number,
): UpdatedTrial => {
  if (outcomes.size === 0 && traffic === undefined) return trial;
  const { evidence } = trial;
  const { rule } = due;
  const isKept = trial.decided === "KEEP";
  const fold = (signal: "activation" | "retention", threshold: number) => (part: OutcomeEvidence) => {
    const settled = outcomes.get(keyOf(signal, part.ageSeconds));
    const terms = { threshold, against: rule.compare[signal] ?? "threshold", isKept };
    return settled === undefined ? part : accumulateOutcomes(part, settled.found, settled.upTo, terms);
  };
  const exposures = outcomes.get(keyOf("exposure", 0));
  const sketchOf = (cohort: "treatment" | "holdout", stored: Uint8Array) =>
    traffic === undefined ? stored : mergeSketches(stored, traffic.found, cohort);
  const treatmentSketch = sketchOf("treatment", trial.treatmentSketch);
  const holdoutSketch = sketchOf("holdout", trial.holdoutSketch);
  return {
    ...trial,
    changed: true,
    treatmentSketch,
    holdoutSketch,
    evidence: {
      ...evidence,
      ...(exposures !== undefined &&
        accumulateExposures(evidence, exposures.found, exposures.upTo, { rollout: due, now })),
      activation: evidence.activation.map(fold("activation", rule.activationThreshold)),
      retention: evidence.retention.map(fold("retention", rule.retentionThreshold)),
      traffic:
        traffic === undefined
          ? evidence.traffic
          : {
              ...accumulateTraffic(
                evidence.traffic,
                trafficBuckets(traffic.found, rule.latencyP95Threshold),
                traffic.upTo,
                { rule, isKept },
              ),
              p95Ms: {
                treatment: quantile(decodeSketch(treatmentSketch), 0.95),
                holdout: quantile(decodeSketch(holdoutSketch), 0.95),
              },
            },
    },
  };
};

/** Buckets that are read at once, but for a feature that has more by itself: some 20 ms of the event loop. */
const BUCKETS_AT_ONCE = 1_000;
/** What a feature costs at least, in buckets: one new bucket is read at each of its ages. */
const BUCKETS_A_FEATURE = 10;

/**
 * Features in parts to be folded one after the other. Those with little news come first: one with months to catch up on
 * holds up neither the others' checks nor whatever else the process does.
 */
export const partsOfWork = (features: readonly EvaluationTarget[], now: number): EvaluationTarget[][] => {
  const weighed = features.map((due) => {
    const accumulatedTo = due.trial?.evidence.traffic.accumulatedTo ?? due.epochStartedAt;
    return { due, buckets: Math.max(BUCKETS_A_FEATURE, (now - accumulatedTo) / due.ages.bucketSeconds) };
  });
  const parts: EvaluationTarget[][] = [];
  let room = 0;
  for (const { due, buckets } of weighed.toSorted((a, b) => a.buckets - b.buckets)) {
    const part = parts.at(-1);
    if (part !== undefined && buckets <= room) part.push(due);
    else {
      parts.push([due]);
      room = BUCKETS_AT_ONCE;
    }
    room -= buckets;
  }
  return parts;
};

/** Each feature's trial with everything that has settled by now folded in. Stores nothing. */
export const updateTrials = async (
  db: Queryable,
  features: readonly EvaluationTarget[],
  { now, arrival, lagSeconds }: { now: number; arrival: Watermark; lagSeconds: number },
): Promise<UpdatedTrial[]> => {
  const work = features.map((due) => {
    const trial = currentTrial(due, now);
    const clock: MaturityClock = { now, watermark: watermarkFor(arrival, trial.evidence.since), lagSeconds };
    return { due, trial, clock };
  });
  const outcomeRanges = work.flatMap(({ due, trial, clock }, index) => {
    const { featureId, epoch, rule, ages, isCounted } = due;
    return (isCounted ? outcomeReads(trial.evidence, rule) : [])
      .map(({ signal, ageSeconds, earlierAgeSeconds, accumulatedTo: from }) => {
        const upTo = matureUpTo(ages, ageSeconds, clock);
        return { index, featureId, epoch, signal, ageSeconds, earlierAgeSeconds, from, upTo };
      })
      .filter(({ from, upTo }) => from < upTo);
  });
  const trafficRanges = work
    .map(({ due: { featureId, epoch, ages, isCounted }, trial, clock }, index) => ({
      index,
      isCounted,
      featureId,
      epoch,
      from: trial.evidence.traffic.accumulatedTo,
      upTo: matureUpTo(ages, 0, clock),
    }))
    .filter(({ isCounted, from, upTo }) => isCounted && from < upTo);
  const [outcomes, traffics] = await Promise.all([
    readOutcomes(db, outcomeRanges),
    readTraffic(db, trafficRanges),
  ]);

  const outcomeNews = work.map(() => new Map<string, Mature<readonly OutcomeBucket[]>>());
  for (const [at, { index, signal, ageSeconds, upTo }] of outcomeRanges.entries())
    outcomeNews[index]?.set(keyOf(signal, ageSeconds), { upTo, found: outcomes[at] ?? [] });
  const trafficNews = new Map<number, Mature<readonly TrafficPart[]>>();
  for (const [at, { index, upTo }] of trafficRanges.entries()) {
    const found = traffics[at];
    if (found !== undefined) trafficNews.set(index, { upTo, found });
  }
  return work.map(({ due, trial }, index) =>
    updateTrial(
      trial,
      { outcomes: outcomeNews[index] ?? new Map(), traffic: trafficNews.get(index) },
      due,
      now,
    ),
  );
};
