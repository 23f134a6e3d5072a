import { expect, test } from "vitest";
import {
  COMPARED_RATIOS,
  comparisonLogEValues,
  predictRate,
} from "../../../../origin/decide/statistics/comparison.ts";
import values from "../../../spec/statistics.json" with { type: "json" };
import { expectEachExact } from "../../../support/near.ts";

const nothing = COMPARED_RATIOS.map(() => 0);

test.each(values.comparison.cases)(
  "$sT of $nT against $sC of $nC, with $qC expected of the holdout",
  ({ nT, sT, nC, sC, qC, logE }) => {
    const batch = { treatment: { n: nT, s: sT }, holdout: { n: nC, s: sC } };
    expectEachExact(comparisonLogEValues(batch, qC), logE);
    expectEachExact(
      comparisonLogEValues(batch, qC, 0.1),
      logE.map((one) => one / 10),
    );
  },
);

test.each(values.firstComparison.cases)(
  "a first batch, $sT of $nT against $sC of $nC, is judged on the split of its successes",
  ({ nT, sT, nC, sC, logE }) => {
    const batch = { treatment: { n: nT, s: sT }, holdout: { n: nC, s: sC } };
    expectEachExact(comparisonLogEValues(batch, null), logE);
    expectEachExact(
      comparisonLogEValues(batch, null, 0.1),
      logE.map((one) => one / 10),
    );
  },
);

test("a batch without units of one cohort says nothing", () => {
  const [some, none] = [
    { n: 10, s: 3 },
    { n: 0, s: 0 },
  ];
  expect(comparisonLogEValues({ treatment: some, holdout: none }, 0.3)).toEqual(nothing);
  expect(comparisonLogEValues({ treatment: none, holdout: some }, 0.3)).toEqual(nothing);
  expect(comparisonLogEValues({ treatment: some, holdout: none }, null)).toEqual(nothing);
});

test("the rate to expect is the holdout's so far, with half a success in one unit more", () => {
  expect(predictRate({ n: 0, s: 0 })).toBe(null);
  expect(predictRate({ n: 1, s: 0 })).toBe(0.25);
  expect(predictRate({ n: 1, s: 1 })).toBe(0.75);
  expect(predictRate({ n: 9, s: 3 })).toBe(0.35);
});
