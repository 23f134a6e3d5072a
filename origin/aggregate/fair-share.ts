// How partitions are shared among fold processes. Pure: the fold and its simulation (scripts/scale) compute with it.

/** How often a process looks at its share, and at who else there is. */
export const OWNERSHIP_MS = 2_000;
/** A process that says nothing for so long is given up by the databases: its locks are free. It may only be paused. */
export const SILENT_MS = 20_000;
/** So many looks in turn a partition is seen free before a process takes it that has its share already. */
export const FREE_ROUNDS = 5;
/** So long it keeps one: then those whose share it is have another chance. */
export const EXTRA_MS = 300_000;

/**
 * How many of all partitions a process should own. `members`: the numbers of all fold processes; the lowest have one more where the
 * partitions cannot be divided, so that none has two more than another. null: nobody knows of this process yet.
 */
export const quotaOf = (partitions: number, members: readonly number[], own: number): number | null => {
  const rank = members.filter((member) => member < own).length;
  if (!members.includes(own)) return null;
  return Math.floor(partitions / members.length) + (rank < partitions % members.length ? 1 : 0);
};

/** How many partitions of one database a process should own: what is left of its quota, wherever the others live. */
export const fairShareOf = (of: { readonly quota: number; readonly ownedElsewhere: number }): number =>
  Math.max(0, of.quota - of.ownedElsewhere);

/** Which partitions to give back: those that somebody asks for, and the highest of what is above the share. */
export const excessOf = (
  owned: Iterable<number>,
  share: number,
  askedFor: ReadonlySet<number> = new Set(),
): readonly number[] => {
  const all = [...owned];
  const kept = all.filter((partition) => !askedFor.has(partition)).toSorted((a, b) => a - b);
  return [
    ...all.filter((partition) => askedFor.has(partition)),
    ...kept.slice(Math.max(0, share)).toReversed(),
  ];
};

/**
 * How many partitions a process takes above its share, when it has its share and `free` ones stayed free: nobody else can reach
 * their database.
 */
export const extraOf = (free: number, members: number): number => Math.ceil(free / Math.max(1, members));
