// Each mixture about a rate is a fair bet: by exact count one unit multiplies it by 1 on average, exactly at the threshold.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  gridLogEvidence,
  gridLogKeepEvidence,
  logLikelihoodRatios,
} from "../../../../origin/decide/statistics/rate-evidence.ts";
import { expectNear } from "../../../support/near.ts";

const threshold = fc.double({ min: 0.01, max: 0.99, noNaN: true });

test("each ratio of the grid is fair at the threshold", () => {
  fc.assert(
    fc.property(threshold, (p0) => {
      const success = logLikelihoodRatios({ n: 1, s: 1 }, p0);
      const failure = logLikelihoodRatios({ n: 1, s: 0 }, p0);
      expect(success).toHaveLength(10);
      for (const [i, one] of success.entries())
        expectNear(p0 * Math.exp(one) + (1 - p0) * Math.exp(failure[i] ?? Number.NaN), 1, 1e-12);
    }),
  );
});

test("the evidence for keeping is fair at the threshold, too", () => {
  fc.assert(
    fc.property(threshold, (p0) => {
      const after = (s: number) => Math.exp(gridLogKeepEvidence({ n: 1, s }, p0));
      expectNear(p0 * after(1) + (1 - p0) * after(0), 1, 1e-12);
    }),
  );
});

test("a threshold gives the same evidence again, however many others were asked about between", () => {
  const tally = { n: 40, s: 5 };
  const first = [gridLogEvidence(tally, 0.15), gridLogKeepEvidence(tally, 0.15)];
  for (let i = 1; i <= 600; i++) gridLogEvidence(tally, i / 1_000);
  expect([gridLogEvidence(tally, 0.15), gridLogKeepEvidence(tally, 0.15)]).toEqual(first);
});
