// Which exposures a request has to report. The origin needs a unit's first exposure to each feature at once, and later
// sightings for its return; it does not need each request of a visitor who reads.
import type { Assignment } from "../features/compiled-feature.ts";
import type { RequestEvaluation } from "../features/evaluate.ts";
import type { Identity } from "../visitor/identity.ts";

/** All features of the request are reported again when this long has passed since the unit's last full report. */
export const FULL_EVERY_MS = 60_000;
/** A sampled request that comes this long after the unit's last report reports a part of them, so that a quick return is seen. */
export const PART_EVERY_MS = 1_000;
/** Features of one request that its end is told of, and that a part has. */
export const PART = 8;

/** What this isolate has reported of a unit lately. */
type Reported = {
  fullMs: number;
  partMs: number;
  /** Of the unit's last request: most requests have the same as the one before. */
  evaluation: RequestEvaluation;
  assignments: readonly Assignment[];
};

const NONE: readonly Assignment[] = [];

/** Of many features some neighbours from a random place on, around the end: each as often as the others. */
export const partOf = <T>(items: readonly T[], random: () => number): readonly T[] => {
  if (items.length <= PART) return items;
  const from = Math.floor(random() * items.length);
  const run = items.slice(from, from + PART);
  return run.length === PART ? run : [...run, ...items.slice(0, PART - run.length)];
};

export type DueExposures = (
  identity: Identity,
  evaluation: RequestEvaluation,
  isSampled: boolean,
  nowMs: number,
) => readonly Assignment[];

/** An identity without a cookie is not known again, so all of its exposures are always due. */
export const makeDueExposures = (random: () => number): DueExposures => {
  const byIdentity = new WeakMap<Identity, Reported>();

  return (identity, evaluation, isSampled, nowMs) => {
    const { compared } = evaluation;
    const last = byIdentity.get(identity);
    if (last === undefined || nowMs - last.fullMs > FULL_EVERY_MS) {
      if (identity.signed !== null)
        byIdentity.set(identity, { fullMs: nowMs, partMs: nowMs, evaluation, assignments: compared });
      return compared;
    }
    let fresh = NONE;
    if (last.evaluation !== evaluation) {
      const known = new Set(last.assignments);
      fresh = compared.filter((each) => !known.has(each));
      if (fresh.length > 0) last.assignments = [...last.assignments, ...fresh];
      last.evaluation = evaluation;
    }
    if (!isSampled || nowMs - last.partMs < PART_EVERY_MS) return fresh;
    last.partMs = nowMs;
    return fresh.length > 0 ? fresh : partOf(compared, random);
  };
};
