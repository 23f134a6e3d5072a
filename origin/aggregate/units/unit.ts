// What is known of one unit under one feature and epoch, and how a further span changes it. Pure.
//
// A span that makes no exposure is applied when its unit has one (waiting/waiting-spans.ts).
//
// First exposure and first activation do not depend on the order in which spans come in. A return is the earliest visit
// seen that is late enough after the first exposure known by then. When an even earlier exposure comes in afterwards,
// visits that were too early before it are not looked at again.
import { BOT, UNNAMED } from "../../span-log/cohort-code.ts";
import type { OutcomeWindows } from "../outcome-windows.ts";

/** No span of the unit has been seen. Only in memory; the codes of stored cohorts stand in cohort-code.ts. */
export const NO_COHORT = 255;

/** Times in ms since 1970; Infinity: not yet. */
export type Unit = {
  cohort: number;
  exposedMs: number;
  activatedMs: number;
  returnedMs: number;
};

/** A unit of which nothing is known. */
export const unknownUnit = (): Unit => ({
  cohort: NO_COHORT,
  exposedMs: Infinity,
  activatedMs: Infinity,
  returnedMs: Infinity,
});

/** What one span says of its unit. */
export type Observation = {
  /** cohort code: UNNAMED when the span names no variant, BOT when the unit is a bot */
  readonly cohort: number;
  readonly atMs: number;
  /** false: the span makes no exposure, and its unit has one */
  readonly exposed: boolean;
  readonly activated: boolean;
  readonly returned: boolean;
};

/**
 * Changes `unit`; whether anything changed. The first cohort that was named stays. A bot's stays for good, and nothing
 * more is noted of it.
 */
export const applyObservation = (unit: Unit, observation: Observation, returnAfterMs: number): boolean => {
  const { atMs } = observation;
  if (unit.cohort === BOT) return false;
  if (observation.cohort === BOT) {
    unit.cohort = BOT;
    unit.exposedMs = Math.min(unit.exposedMs, atMs);
    return true;
  }
  let changed = false;
  if (unit.cohort === NO_COHORT || (unit.cohort === UNNAMED && observation.cohort !== UNNAMED)) {
    unit.cohort = observation.cohort;
    changed = true;
  }
  let visitMs = atMs;
  if (observation.exposed && atMs < unit.exposedMs) {
    // The exposure known so far was a visit after this one.
    visitMs = unit.exposedMs;
    unit.exposedMs = atMs;
    changed = true;
  }
  if (observation.activated && atMs < unit.activatedMs) {
    unit.activatedMs = atMs;
    changed = true;
  }
  if (observation.returned && atMs < unit.returnedMs) {
    unit.returnedMs = atMs;
    changed = true;
  }
  if (visitMs < unit.returnedMs && visitMs - unit.exposedMs >= returnAfterMs) {
    unit.returnedMs = visitMs;
    changed = true;
  }
  return changed;
};

/** Adds what another stored row says of the unit: the highest cohort code and the earliest times. */
export const mergeUnit = (unit: Unit, stored: Readonly<Unit>): void => {
  unit.cohort = unit.cohort === NO_COHORT ? stored.cohort : Math.max(unit.cohort, stored.cohort);
  unit.exposedMs = Math.min(unit.exposedMs, stored.exposedMs);
  unit.activatedMs = Math.min(unit.activatedMs, stored.activatedMs);
  unit.returnedMs = Math.min(unit.returnedMs, stored.returnedMs);
};

/** Unix seconds at which the exposure bucket of this time begins. */
export const exposureBucketOf = (ms: number, bucketS: number): number =>
  Math.floor(ms / 1_000 / bucketS) * bucketS;

/**
 * As above, of the bucket in which a request counts: the one of its end, when it becomes known. A hung request is reported when it is
 * given up, and by then the bucket of its start may be mature. `takenMs`: when the log took it; no request ends later.
 */
export const requestBucketOf = (
  { startMs, durationUs }: { readonly startMs: number; readonly durationUs: number },
  takenMs: number,
  bucketS: number,
): number => exposureBucketOf(Math.max(startMs, Math.min(startMs + durationUs / 1_000, takenMs)), bucketS);

/** Calls `visit` with the positions of the counts that hold the unit, among [exposure, activation ages…, retention ages…]. */
export const eachCount = (unit: Unit, windows: OutcomeWindows, visit: (position: number) => void): void => {
  visit(0);
  const { activationAgesS, retentionAgesS } = windows;
  for (let i = 0; i < activationAgesS.length; i++)
    if (unit.activatedMs - unit.exposedMs <= (activationAgesS[i] ?? 0) * 1_000) visit(1 + i);
  for (let i = 0; i < retentionAgesS.length; i++)
    if (unit.returnedMs - unit.exposedMs <= (retentionAgesS[i] ?? 0) * 1_000)
      visit(1 + activationAgesS.length + i);
};
