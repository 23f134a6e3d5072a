import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { betaLogEvidence, betaLogEvidenceBothWays } from "../../../origin/decide/statistics/beta-evidence.ts";
import { liftInterval, rateInterval, tunedPrior } from "../../../origin/decide/statistics/interval.ts";
import { emptyEvidence, type OutcomeEvidence } from "../../../origin/decide/evidence.ts";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { complement } from "../../../origin/decide/statistics/tally.ts";
import { mismatchLogEvidence } from "../../../origin/decide/statistics/sample-ratio.ts";
import { logEvidenceWorseThanHoldout } from "../../../origin/decide/rollback-tests.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";
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

/** Every way in which `n` units can go, with its chance. */
const outcomes = (n: number, chance: number): { s: number; probability: number }[] => {
  const binomial = (k: number): number => (k === 0 ? 1 : (binomial(k - 1) * (n - k + 1)) / k);
  return Array.from({ length: n + 1 }, (_, s) => ({
    s,
    probability: binomial(s) * chance ** s * (1 - chance) ** (n - s),
  }));
};

describe("a comparison with the holdout", () => {
  const rule = Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0.15,
    retentionThreshold: 0,
    latencyP95Threshold: 200,
    minCohortSize: 1,
    evaluationWindowSeconds: 3600,
    activationWindowSeconds: 1800,
  });
  const empty = emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  const terms = { threshold: 0.15, against: "holdout", isKept: false } as const;
  const units = fc.integer({ min: 1, max: 5 });
  const chance = fc.double({ min: 0.01, max: 0.99, noNaN: true });

  test("is a fair bet at every age while the cohorts are alike: by exact count no bucket is expected to add evidence", () => {
    fc.assert(
      fc.property(
        fc.record({ treated: units, held: units, early: chance, late: chance, before: fc.nat(40) }),
        ({ treated, held, early, late, before }) => {
          // What earlier buckets showed of the holdout; nothing at all when `before` is 0.
          const guess = before === 0 ? { n: 0, s: 0 } : { n: 40, s: before };
          const [first, second] = empty;
          if (first === undefined || second === undefined) throw new Error("two ages were expected");
          const fold = (part: OutcomeEvidence, s: [number, number], earlier: [number, number]) =>
            accumulateOutcomes(
              { ...part, stepHoldout: guess },
              [
                {
                  bucketS: 0,
                  treatment: { n: treated, s: s[0] },
                  holdout: { n: held, s: s[1] },
                  earlier: { treatment: earlier[0], holdout: earlier[1] },
                },
              ],
              1,
              terms,
            );
          let expected = 0;
          for (const t1 of outcomes(treated, early))
            for (const c1 of outcomes(held, early))
              for (const t2 of outcomes(treated - t1.s, late))
                for (const c2 of outcomes(held - c1.s, late)) {
                  const logEvidence = logEvidenceWorseThanHoldout([
                    fold(first, [t1.s, c1.s], [0, 0]),
                    fold(second, [t1.s + t2.s, c1.s + c2.s], [t1.s, c1.s]),
                  ]);
                  const probability = t1.probability * c1.probability * t2.probability * c2.probability;
                  expected += probability * Math.exp(logEvidence);
                }
          expect(expected).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
      { numRuns: 40 },
    );
  });
});
