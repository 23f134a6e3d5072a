// What a trial took in without the people of some partitions, because their database could not be asked. Partitions are by hash of
// feature and unit, so those people are missing in both cohorts alike; they are taken in when the database is back, as further
// batches. Each of their buckets counts exactly once: what is missed is written down with the evidence, and crossed out with it.

export type MissedSignal = "exposure" | "activation" | "retention" | "traffic";

/** Buckets that begin in [from, upTo), unix seconds, are in without the units of this partition. */
export type Missed = {
  readonly partition: number;
  readonly signal: MissedSignal;
  /** 0 for exposures and traffic */
  readonly ageSeconds: number;
  readonly from: number;
  readonly upTo: number;
};

const isOfSame = (a: Missed, b: Missed): boolean =>
  a.partition === b.partition && a.signal === b.signal && a.ageSeconds === b.ageSeconds;

/** Adds to a list of missed buckets; ranges that touch become one. An outage is one range a signal, however long it is. */
export const addMissed = (missed: readonly Missed[], added: readonly Missed[]): readonly Missed[] => {
  if (added.length === 0) return missed;
  const all = [...missed];
  for (const range of added) {
    const last = all.findLastIndex((one) => isOfSame(one, range));
    const before = all[last];
    if (before !== undefined && before.upTo === range.from) all[last] = { ...before, upTo: range.upTo };
    else all.push(range);
  }
  return all;
};

/** The list without these ranges, which are in now. */
export const withoutMissed = (missed: readonly Missed[], taken: readonly Missed[]): readonly Missed[] =>
  taken.length === 0 ? missed : missed.filter((one) => !taken.includes(one));
