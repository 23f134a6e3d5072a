// Chance that is the same each time: what happens to a feature in an hour depends on their names alone.
import { seededRandom } from "../demo/random.ts";

/** Numbers in [0, 1) that follow from `name` (FNV-1a). */
export const chanceOf = (name: string): (() => number) => {
  let seed = 0x811c9dc5;
  for (const character of name) seed = Math.imul(seed ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return seededRandom(seed);
};

/** Of a normal distribution (Box and Muller). */
export const normal = (chance: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());

/** How many of `n` do what each does with probability `rate`. */
export const someOf = (n: number, rate: number, chance: () => number): number =>
  Math.min(n, Math.max(0, Math.round(n * rate + normal(chance) * Math.sqrt(n * rate * (1 - rate)))));
