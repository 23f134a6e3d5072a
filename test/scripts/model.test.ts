import { expect, test } from "vitest";
import { search } from "../../scripts/model/search.ts";
import { intactSearches, mutantSearches } from "../../scripts/model/searches.ts";

const PATIENCE_MS = 240_000;

test.for(intactSearches)(
  "no run of the protocol breaks it: $name",
  { timeout: PATIENCE_MS },
  async (intact) => {
    const { isComplete, violation, unreached, trail } = await search(intact);
    expect({ isComplete, violation, unreached, trail }).toEqual({
      isComplete: true,
      violation: null,
      unreached: [],
      trail: [],
    });
  },
);

test.for(mutantSearches)("a run breaks the protocol $name", { timeout: PATIENCE_MS }, async (mutant) => {
  const { violation, trail } = await search(mutant);
  expect(violation).toContain(mutant.breaks);
  expect(trail).not.toEqual([]);
});
