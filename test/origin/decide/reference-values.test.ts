// Statistics against reference values from outside: mpmath, and the tests of the confseq and gbstats packages.
import { describe, expect, test } from "vitest";
import { betaLogEvidence, betaLogEvidenceBothWays } from "../../../origin/decide/statistics/beta-evidence.ts";
import { liftInterval, rateInterval, tunedPrior } from "../../../origin/decide/statistics/interval.ts";
import { complement } from "../../../origin/decide/statistics/tally.ts";
import { mismatchLogEvidence } from "../../../origin/decide/statistics/sample-ratio.ts";
import vectors from "../../spec/decision-vectors.json" with { type: "json" };

const closeTo = (found: number, wanted: number, within: number) =>
  expect(Math.abs(found - wanted), `${found} is not within ${within} of ${wanted}`).toBeLessThan(within);

describe("reference values from outside", () => {
  test.each(vectors.logE_rollback_beta.cases)("beta mixture %o", ({ n, s, p0, a, b, logE }) => {
    closeTo(betaLogEvidence({ n, s }, p0, { alpha: a, beta: b }), logE, 1e-9);
  });

  test.each(vectors.logE_rollback_beta_extremes.cases)(
    "beta mixture at the edges %o",
    ({ n, s, p0, a, b, logE }) => {
      closeTo(betaLogEvidence({ n, s }, p0, { alpha: a, beta: b }), logE, 1e-9 * Math.max(1, Math.abs(logE)));
    },
  );

  test.each(vectors.betaBinomialLogMixture.cases)("tuned mixture, $sided-sided", ({ sided, logE }) => {
    const tally = { n: 625, s: 135 };
    const p0 = 0.2;
    const prior = tunedPrior(p0, 625, sided === "two" ? 0.05 : 0.1);
    const found =
      sided === "two"
        ? betaLogEvidenceBothWays(tally, p0, prior)
        : betaLogEvidence(complement(tally), 1 - p0, { alpha: prior.beta, beta: prior.alpha });
    closeTo(found, logE, 1e-6);
  });

  test.each(vectors.bernoulliInterval.cases)("interval of $s of $n", ({ s, n, tOpt, lower, upper }) => {
    const found = rateInterval({ n, s }, { alpha: 0.05, tightAt: tOpt });
    closeTo(found.lower, lower, 1e-5);
    closeTo(found.upper, upper, 1e-5);
  });

  test.each(vectors.sampleRatioMismatch.cases)("sample ratio $n", ({ n, logE }) => {
    closeTo(mismatchLogEvidence(n, [1, 1]), logE, 1e-6);
  });

  test.each(vectors.sequentialDifferenceInterval.cases)(
    "lift between $lower and $upper",
    ({ lower, upper }) => {
      const found = liftInterval({ n: 3461, s: 2422 }, { n: 3000, s: 1396 }, { alpha: 0.05, tightAt: 5000 });
      closeTo(found?.lower ?? Number.NaN, lower, 1e-5);
      closeTo(found?.upper ?? Number.NaN, upper, 1e-5);
    },
  );
});
