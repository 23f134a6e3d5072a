// When the activations of a bucket of users come: a few at once, half within six hours, the last after a day.
import type { OutcomeBucket } from "../../origin/decide/accumulate-outcomes.ts";
import { drawBinomial, type Random } from "./binomial.ts";

/** Share of all activations that have come at each of the default ages: 15 min, 30 min, 1 h, 6 h, 24 h. */
export const ACTIVATED_BY_AGE = [0.0375, 0.075, 0.15, 0.5, 1] as const;

/** Share of all returns that have come at each of the default ages: 3 d, 7 d. */
export const RETURNED_BY_AGE = [0.55, 1] as const;

/** Chance that a unit which had not succeeded at the age before has by this one, for each age. */
export const hazards = (byAge: readonly number[], rate: number): number[] =>
  byAge.map((share, age) => {
    const before = byAge[age - 1] ?? 0;
    return (rate * (share - before)) / (1 - rate * before);
  });

/** Units by the age at which they had succeeded, as running totals. */
const succeededByAge = (units: number, chances: readonly number[], random: Random): number[] => {
  let done = 0;
  return chances.map((chance) => (done += drawBinomial(units - done, chance, random)));
};

export type CohortOutcomes = {
  readonly units: number;
  readonly rate: number;
  readonly byAge: readonly number[];
};

/** One exposure bucket after another; each holds the tallies of every age. */
export const outcomeBuckets = (
  { treatment, holdout }: { treatment: CohortOutcomes; holdout: CohortOutcomes },
  { bucketSeconds, buckets }: { bucketSeconds: number; buckets: number },
  random: Random,
): OutcomeBucket[][] => {
  const chances = [treatment, holdout].map(({ byAge, rate }) => hazards(byAge, rate));
  return Array.from({ length: buckets }, (_, index) => {
    const treated = succeededByAge(treatment.units, chances[0] ?? [], random);
    const inHoldout = succeededByAge(holdout.units, chances[1] ?? [], random);
    return treated.map((s, age) => ({
      bucketS: index * bucketSeconds,
      treatment: { n: treatment.units, s },
      holdout: { n: holdout.units, s: inHoldout[age] ?? 0 },
      earlier: { treatment: treated[age - 1] ?? 0, holdout: inHoldout[age - 1] ?? 0 },
    }));
  });
};
