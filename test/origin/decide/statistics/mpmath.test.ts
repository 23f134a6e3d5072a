// Evidence against values that mpmath worked out with 60 digits: every ratio, stake and weight of the mixtures is in them.
import { expect, test } from "vitest";
import { comparisonLogEValues } from "../../../../origin/decide/statistics/comparison.ts";
import { BATCH_UNITS } from "../../../../origin/decide/statistics/detector.ts";
import { gridLogEvidence, gridLogKeepEvidence } from "../../../../origin/decide/statistics/rate-evidence.ts";
import { mismatchLogEvidence } from "../../../../origin/decide/statistics/sample-ratio.ts";
import { SMALLEST_BOUND, shareLogEValues } from "../../../../origin/decide/statistics/share-bets.ts";
import values from "../../../spec/statistics.json" with { type: "json" };
import { expectEachExact, expectExact, expectNear } from "../../../support/near.ts";

test.each(values.gridRollback.cases)("$s of $n are evidence against at least $p0", ({ n, s, p0, logE }) => {
  expectExact(gridLogEvidence({ n, s }, p0), logE);
});

test.each(values.gridKeep.cases)("$s of $n are evidence against at most $p0", ({ n, s, p0, logE }) => {
  expectExact(gridLogKeepEvidence({ n, s }, p0), logE);
});

test.each(values.comparison.cases)(
  "$sT of $nT against $sC of $nC, with $qC expected of the holdout",
  ({ nT, sT, nC, sC, qC, logE }) => {
    const batch = { treatment: { n: nT, s: sT }, holdout: { n: nC, s: sC } };
    expectEachExact(comparisonLogEValues(batch, qC), logE);
  },
);

test.each(values.firstComparison.cases)(
  "a first batch, $sT of $nT against $sC of $nC, is judged on the split of its successes",
  ({ nT, sT, nC, sC, logE }) => {
    const batch = { treatment: { n: nT, s: sT }, holdout: { n: nC, s: sC } };
    expectEachExact(comparisonLogEValues(batch, null), logE);
  },
);

test.each(values.shareBets.cases)(
  "a usual bucket with $s bad of $n where $p0 may be",
  ({ n, s, p0, logE }) => {
    expectEachExact(shareLogEValues({ n, s }, p0, 2 * n), logE);
  },
);

test.each(values.sampleRatio.cases)("counts of $n where $shares are the shares", ({ n, shares, logE }) => {
  expectNear(mismatchLogEvidence(n, shares), logE, 1e-10);
});

test("a batch of a kept feature is fifty units, and no bound is below one in ten thousand", () => {
  expect(BATCH_UNITS).toBe(50);
  expect(SMALLEST_BOUND).toBe(0.0001);
});
