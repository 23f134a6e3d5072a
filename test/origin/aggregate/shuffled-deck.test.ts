// Which faults a run of `npm run faults -- --log jetstream` picks.
import { expect, test } from "vitest";
import { seededRandom, shuffledDeck } from "../../faults/log-servers.ts";

test("a run of 20 faults picks each of nine kinds at least twice, whatever its seed, and equal seeds pick equally", () => {
  const kinds = Array.from({ length: 9 }, (_, n) => n);
  const runOf = (seed: number) => {
    const draw = shuffledDeck(kinds, seededRandom(seed));
    return Array.from({ length: 20 }, draw);
  };
  for (let seed = 0; seed < 50; seed++)
    for (const kind of kinds)
      expect(runOf(seed).filter((drawn) => drawn === kind).length).toBeGreaterThanOrEqual(2);
  expect(runOf(7)).toEqual(runOf(7));
  expect(runOf(7)).not.toEqual(runOf(8));
});
