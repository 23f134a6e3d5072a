// The trial that an evaluation goes on with, or begins.
import { emptySketch, encodeSketch } from "../../shared/telemetry/latency-sketch.ts";
import { emptyEvidence, type Evidence } from "../decide/evidence.ts";
import type { StoredTrial } from "./stored-trial.ts";
import type { EvaluationTarget } from "./targets.ts";

export type Trial = Omit<StoredTrial, "stamp"> & {
  /** The α that it adds to the epoch's: the rule's, when a trial begins in enforce mode. */
  readonly alphaSpent: number;
  /** Stamp of the stored trial; null when there was none. */
  readonly expectedStamp: string | null;
  /** Whether it differs from the stored one. */
  readonly changed: boolean;
  /** The stored trial has other terms, or has ended and has none: it began again from nothing. */
  readonly restarted: boolean;
};

const ageSeconds = ({ activation, retention }: Pick<Evidence, "activation" | "retention">): string =>
  JSON.stringify([activation, retention].map((parts) => parts.map((part) => part.ageSeconds)));

/** Empty evidence that knows how many requests are usual from the trial before, whose buckets were as wide. */
const withUsualTraffic = (empty: Evidence, before: Evidence | undefined): Evidence => {
  if (before === undefined || ageSeconds(before) !== ageSeconds(empty)) return empty;
  const { latency, errors, lost, firstRequestS } = before.traffic;
  const { traffic } = empty;
  return {
    ...empty,
    traffic: {
      ...traffic,
      firstRequestS,
      latency: { ...traffic.latency, sizes: latency.sizes },
      errors: { ...traffic.errors, sizes: errors.sizes },
      lost: { ...traffic.lost, sizes: lost.sizes },
    },
  };
};

/** A trial with nothing in it yet, that begins at `since` (unix seconds). */
const newTrial = (target: EvaluationTarget, since: number, expectedStamp: string | null): Trial => {
  const empty = encodeSketch(emptySketch());
  // A rollout that was changed together with the trial is seen as a change.
  const period = target.trial?.evidence.sampleRatio;
  return {
    terms: target.terms,
    alphaSpent: target.rule.mode === "enforce" ? target.rule.falseRollbackRate : 0,
    expectedStamp,
    decided: null,
    cause: [],
    evidence: withUsualTraffic(
      emptyEvidence(target.ages, since, period ?? target, period?.detects),
      target.trial?.evidence,
    ),
    treatmentSketch: empty,
    holdoutSketch: empty,
    changed: true,
    restarted: expectedStamp !== null,
  };
};

/**
 * The running trial, or a new one: it begins with the epoch, or, when the one before has ended or the rule's terms have
 * changed, with the next whole bucket, so that nobody exposed before is in it. `now`: unix seconds.
 */
export const currentTrial = (target: EvaluationTarget, now: number): Trial => {
  if (target.trial === null) return newTrial(target, target.epochStartedAt, null);
  const { stamp, ...trial } = target.trial;
  return trial.terms === target.terms
    ? { ...trial, alphaSpent: 0, expectedStamp: stamp, changed: false, restarted: false }
    : newTrial(target, now + target.ages.bucketSeconds, stamp);
};
