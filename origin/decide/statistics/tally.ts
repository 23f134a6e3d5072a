// Counts, the material of all evidence: how many were looked at, and how many of them succeeded.

/** `n` units of which `s` succeeded; `s` may be fractional where a unit counts as a share. */
export type Tally = { readonly n: number; readonly s: number };

/** One value for each of the two cohorts that are compared. */
export type ByCohort<T> = { readonly treatment: T; readonly holdout: T };

export const EMPTY_TALLY: Tally = { n: 0, s: 0 };
export const EMPTY_TALLIES: ByCohort<Tally> = { treatment: EMPTY_TALLY, holdout: EMPTY_TALLY };

export const addTallies = (one: Tally, other: Tally): Tally => ({ n: one.n + other.n, s: one.s + other.s });

export const addByCohort = (one: ByCohort<Tally>, other: ByCohort<Tally>): ByCohort<Tally> => ({
  treatment: addTallies(one.treatment, other.treatment),
  holdout: addTallies(one.holdout, other.holdout),
});

export const totalByCohort = (tallies: readonly ByCohort<Tally>[]): ByCohort<Tally> =>
  tallies.reduce<ByCohort<Tally>>((sum, one) => addByCohort(sum, one), EMPTY_TALLIES);

/** The tally of the opposite outcome: failures become successes. */
export const complement = ({ n, s }: Tally): Tally => ({ n, s: n - s });

/** The share of successes; null before the first unit. */
export const rateOf = ({ n, s }: Tally): number | null => (n === 0 ? null : s / n);
