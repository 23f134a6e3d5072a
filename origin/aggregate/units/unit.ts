// What is known of one unit under one feature and epoch, and how a further piece of evidence changes it. Pure.
//
// First exposure and first action do not depend on the order in which spans come in. A return is the earliest visit
// seen that is late enough after the first exposure known by then: when an exposure that is earlier still comes in
// afterwards, visits that were too early before it are not looked at again.

/** Cohorts as stored in unit_evidence; 1 is treatment that a span has named. */
export const ASSUMED_TREATMENT = 0;
export const HOLDOUT = 2;
/** Found to be a bot: counted no more, whatever was seen of it before or comes after. */
export const BOT = 3;
/** No span has been seen yet. */
export const NO_COHORT = 255;

/** Times in ms since the epoch; Infinity: not yet. */
export type Unit = {
  cohort: number;
  exposedMs: number;
  activatedMs: number;
  returnedMs: number;
};

export type Observation = {
  /** 0 when the span does not say, BOT when the unit is one */
  readonly variant: number;
  readonly atMs: number;
  readonly activated: boolean;
  readonly returned: boolean;
};

/** Changes `unit`; whether anything changed. The first variant that was named stays. */
export const applyObservation = (unit: Unit, evidence: Observation, returnAfterMs: number): boolean => {
  const { atMs } = evidence;
  if (unit.cohort === BOT) return false;
  if (evidence.variant === BOT) {
    unit.cohort = BOT;
    unit.exposedMs = Math.min(unit.exposedMs, atMs);
    return true;
  }
  let changed = false;
  if (unit.cohort === NO_COHORT || (unit.cohort === ASSUMED_TREATMENT && evidence.variant !== 0)) {
    unit.cohort = evidence.variant;
    changed = true;
  }
  let visitMs = atMs;
  if (atMs < unit.exposedMs) {
    // What used to be the first exposure was a visit after this one.
    visitMs = unit.exposedMs;
    unit.exposedMs = atMs;
    changed = true;
  }
  if (evidence.activated && atMs < unit.activatedMs) {
    unit.activatedMs = atMs;
    changed = true;
  }
  if (evidence.returned && atMs < unit.returnedMs) {
    unit.returnedMs = atMs;
    changed = true;
  }
  if (visitMs < unit.returnedMs && visitMs - unit.exposedMs >= returnAfterMs) {
    unit.returnedMs = visitMs;
    changed = true;
  }
  return changed;
};

/** A feature's windows in the form the fold counts by. */
export type OutcomeWindows = {
  readonly activationAgesS: readonly number[];
  readonly retentionAgesS: readonly number[];
  readonly returnAfterS: number;
  readonly bucketS: number;
};

/** Unix seconds at which the bucket of an exposure begins. */
export const exposureBucketOf = (exposedMs: number, bucketS: number): number =>
  Math.floor(exposedMs / 1_000 / bucketS) * bucketS;

/**
 * Positions of a unit's counts among [exposure, activation ages…, retention ages…]: those that hold it.
 */
export const eachCount = (unit: Unit, windows: OutcomeWindows, visit: (position: number) => void): void => {
  visit(0);
  const { activationAgesS, retentionAgesS } = windows;
  for (let i = 0; i < activationAgesS.length; i++)
    if (unit.activatedMs - unit.exposedMs <= (activationAgesS[i] ?? 0) * 1_000) visit(1 + i);
  for (let i = 0; i < retentionAgesS.length; i++)
    if (unit.returnedMs - unit.exposedMs <= (retentionAgesS[i] ?? 0) * 1_000)
      visit(1 + activationAgesS.length + i);
};
