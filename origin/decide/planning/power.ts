// How long a decision takes, before launch and while waiting: the number of units at which the evidence of a feature that
// behaves exactly as assumed reaches its bar. About half of such features are decided by then.
import { betaLogEvidence, betaLogKeepEvidence, type BetaPrior } from "../statistics/beta-evidence.ts";
import { comparisonLogEValues } from "../statistics/comparison.ts";
import { logMeanExp } from "../statistics/log-sum-exp.ts";
import { gridLogEvidence, gridLogKeepEvidence, clampProbability } from "../statistics/rate-evidence.ts";
import type { Tally } from "../statistics/tally.ts";

/** More than anybody will see; a decision that needs more does not come. */
const MOST_UNITS = 1e9;

export type PlannedTest = {
  readonly threshold: number;
  /** Natural logarithm of 1/α for this signal. */
  readonly logBar: number;
  readonly prior?: BetaPrior | undefined;
  /** Holdout units for each treatment unit, where the signal is held against a holdout that succeeds at `threshold`. */
  readonly holdoutPerUnit?: number | undefined;
};

type Evidence = (tally: Tally) => number;

const rollbackEvidence =
  ({ threshold, prior, holdoutPerUnit }: PlannedTest): Evidence =>
  (tally) => {
    if (holdoutPerUnit !== undefined) {
      const holdout = { n: holdoutPerUnit * tally.n, s: holdoutPerUnit * tally.n * threshold };
      return logMeanExp(comparisonLogEValues({ treatment: tally, holdout }, clampProbability(threshold)));
    }
    return prior === undefined ? gridLogEvidence(tally, threshold) : betaLogEvidence(tally, threshold, prior);
  };

const keepEvidence =
  ({ threshold, prior }: PlannedTest): Evidence =>
  (tally) =>
    prior === undefined
      ? gridLogKeepEvidence(tally, threshold)
      : betaLogKeepEvidence(tally, threshold, prior);

/** Smallest number of further units after `seen`, all at `rate`, that lifts the evidence to the bar; null: never. */
const unitsUntil = (evidence: Evidence, logBar: number, rate: number, seen: Tally): number | null => {
  const reaches = (more: number) => evidence({ n: seen.n + more, s: seen.s + more * rate }) >= logBar;
  let high = 1;
  while (!reaches(high)) {
    high *= 2;
    if (high > MOST_UNITS) return null;
  }
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (reaches(middle)) high = middle;
    else low = middle;
  }
  return high;
};

const NOTHING: Tally = { n: 0, s: 0 };

/** Units until a rate below the threshold is rolled back; null for a rate that meets it. */
export const unitsToRollback = (question: PlannedTest, rate: number, seen = NOTHING): number | null =>
  rate < question.threshold ? unitsUntil(rollbackEvidence(question), question.logBar, rate, seen) : null;

/** Units until a rate above the threshold is proven to meet it; null for one that does not. */
export const unitsToKeep = (question: PlannedTest, rate: number, seen = NOTHING): number | null =>
  rate > question.threshold ? unitsUntil(keepEvidence(question), question.logBar, rate, seen) : null;

/** The best rate that is still rolled back within `units` (as a rate, not a difference); null if not even 0 is. */
export const smallestDetectable = (question: PlannedTest, units: number): number | null => {
  const evidence = rollbackEvidence(question);
  const isDetected = (rate: number) => evidence({ n: units, s: units * rate }) >= question.logBar;
  if (units <= 0 || !isDetected(0)) return null;
  let [detected, missed] = [0, question.threshold];
  for (let step = 0; step < 50; step++) {
    const middle = (detected + missed) / 2;
    if (isDetected(middle)) detected = middle;
    else missed = middle;
  }
  return detected;
};
