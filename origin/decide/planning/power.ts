// How long a decision takes, before launch and while waiting: the number of units at which the evidence of a feature that
// behaves exactly as assumed reaches its bar. About half of such features are decided by then.
import { betaLogEvidence, betaLogKeepEvidence, type BetaPrior } from "../statistics/beta-evidence.ts";
import { comparisonLogEValues } from "../statistics/comparison.ts";
import { logMeanExp } from "../statistics/log-sum-exp.ts";
import { clampProbability, gridLogEvidence, gridLogKeepEvidence } from "../statistics/rate-evidence.ts";
import { EMPTY_TALLY, type Tally } from "../statistics/tally.ts";

/** More than anybody will see; a decision that needs more does not come. */
const MOST_UNITS = 1e9;

export type PlannedTest = {
  readonly threshold: number;
  /** Natural logarithm of 1/α for this signal. */
  readonly logBar: number;
  readonly prior?: BetaPrior | undefined;
  /** Holdout units for each treatment unit, where the signal is held against a holdout that succeeds at `threshold`. */
  readonly holdoutPerUnit?: number | undefined;
  /** Where it is held against both: the bar beside the holdout, next to `logBar` against the threshold. */
  readonly secondLogBar?: number | undefined;
};

/** By how much ln evidence is above its bar; of two kinds of evidence the one that lacks more. */
type Lead = (tally: Tally) => number;

const rollbackLead = ({ threshold, logBar, prior, holdoutPerUnit, secondLogBar }: PlannedTest): Lead => {
  const below: Lead = (tally) =>
    (prior === undefined ? gridLogEvidence(tally, threshold) : betaLogEvidence(tally, threshold, prior)) -
    logBar;
  if (holdoutPerUnit === undefined) return below;
  const beside = (tally: Tally): number => {
    const holdout = { n: holdoutPerUnit * tally.n, s: holdoutPerUnit * tally.n * threshold };
    return logMeanExp(comparisonLogEValues({ treatment: tally, holdout }, clampProbability(threshold)));
  };
  return secondLogBar === undefined
    ? (tally) => beside(tally) - logBar
    : (tally) => Math.min(below(tally), beside(tally) - secondLogBar);
};

const keepLead =
  ({ threshold, logBar, prior }: PlannedTest): Lead =>
  (tally) =>
    (prior === undefined
      ? gridLogKeepEvidence(tally, threshold)
      : betaLogKeepEvidence(tally, threshold, prior)) - logBar;

/** The smallest whole number from 1 on at which the evidence reaches the bar; null: never. */
export const smallestReaching = (logEvidenceAt: (count: number) => number, logBar: number): number | null => {
  const reaches = (count: number) => logEvidenceAt(count) >= logBar;
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

/** Number of further units after `seen`, all at `rate`, that lifts the evidence to the bar; null: never. */
export const unitsUntil = (lead: Lead, rate: number, seen: Tally): number | null =>
  smallestReaching((more) => lead({ n: seen.n + more, s: seen.s + more * rate }), 0);

/** Units until a rate below the threshold is rolled back; null for a rate that meets it. */
export const unitsToRollback = (planned: PlannedTest, rate: number, seen = EMPTY_TALLY): number | null =>
  rate < planned.threshold ? unitsUntil(rollbackLead(planned), rate, seen) : null;

/** Units until a rate above the threshold is proven to meet it; null for one that does not. */
export const unitsToKeep = (planned: PlannedTest, rate: number, seen = EMPTY_TALLY): number | null =>
  rate > planned.threshold ? unitsUntil(keepLead(planned), rate, seen) : null;

/** The best rate that is still rolled back within `units` (as a rate, not a difference); null if not even 0 is. */
export const smallestDetectable = (planned: PlannedTest, units: number): number | null => {
  const lead = rollbackLead(planned);
  const isDetected = (rate: number) => lead({ n: units, s: units * rate }) >= 0;
  if (units <= 0 || !isDetected(0)) return null;
  let [detected, missed] = [0, planned.threshold];
  for (let step = 0; step < 50; step++) {
    const middle = (detected + missed) / 2;
    if (isDetected(middle)) detected = middle;
    else missed = middle;
  }
  return detected;
};
