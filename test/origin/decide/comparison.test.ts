// Treatment beside the holdout; the numbers are computed by mpmath at 40 digits.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { emptyEvidence, type OutcomeEvidence } from "../../../origin/decide/evidence.ts";
import { logEvidenceWorseThanHoldout } from "../../../origin/decide/rollback-tests.ts";
import {
  COMPARED_RATIOS,
  comparisonLogEValues,
  predictRate,
} from "../../../origin/decide/statistics/comparison.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const expectCloseTo = (found: readonly number[], wanted: readonly number[]): void => {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 9);
};

describe("one batch", () => {
  const batch = { treatment: { n: 100, s: 8 }, holdout: { n: 100, s: 15 } };

  test("with a predicted rate is bet on with the pooled rate as its opposite", () => {
    expectCloseTo(
      comparisonLogEValues(batch, 0.15),
      [
        1.0014379514115468, 1.2093155003512561, 1.1815119286834557, 1.0062178428413855, 0.8796338734977398,
        0.7329259162916671, 0.5693043470048266, 0.3913172994579197, 0.20100267975281488,
      ],
    );
  });

  test("without a predicted rate is judged on the split of its successes", () => {
    const first = { treatment: { n: 100, s: 5 }, holdout: { n: 100, s: 20 } };
    expectCloseTo(
      comparisonLogEValues(first, null),
      [
        4.335419939097534, 3.7263159084947968, 3.0244606640252907, 2.2795985177507108, 1.899874453354161,
        1.5182951348746088, 1.136443889253922, 0.7555297813996318, 0.3764787276694942,
      ],
    );
  });

  test.each([0.15, null])(
    "at a weight of 0.1 counts a tenth, whether the rate is predicted or not (%s)",
    (rate) => {
      expectCloseTo(
        comparisonLogEValues(batch, rate, 0.1),
        comparisonLogEValues(batch, rate).map((logEValue) => logEValue / 10),
      );
    },
  );

  test("with one cohort alone adds nothing", () => {
    const nobody = { n: 0, s: 0 };
    const nothing = COMPARED_RATIOS.map(() => 0);
    expect(comparisonLogEValues({ treatment: { n: 9, s: 1 }, holdout: nobody }, 0.2)).toEqual(nothing);
    expect(comparisonLogEValues({ treatment: nobody, holdout: { n: 9, s: 1 } }, 0.2)).toEqual(nothing);
  });
});

test("the predicted rate is the earlier rate, drawn half a unit towards one half, and unknown before any", () => {
  expect(predictRate({ n: 0, s: 0 })).toBeNull();
  expect(predictRate({ n: 100, s: 20 })).toBeCloseTo(20.5 / 101, 12);
  expect(predictRate({ n: 1, s: 0 })).toBeCloseTo(0.25, 12);
});

test("batches multiply: five of 5 % against 20 % make evidence of e^22 to 1", () => {
  const ages = agesOf({
    activationWindowSeconds: 600,
    retentionWindowSeconds: 1200,
    returnAfterSeconds: 600,
  });
  let evidence = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  const found: number[] = [];
  for (let bucket = 0; bucket < 5; bucket++) {
    evidence = evidence.map((part) =>
      accumulateOutcomes(
        part,
        [{ bucketS: bucket, treatment: { n: 100, s: 5 }, holdout: { n: 100, s: 20 } }],
        bucket + 1,
        { threshold: 0.15, against: "holdout", isKept: false },
      ),
    );
    found.push(logEvidenceWorseThanHoldout(evidence));
  }
  expectCloseTo(
    found,
    [2.9159044844847184, 7.415754502754742, 12.21041377189299, 17.092725552273006, 22.012434912433683],
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
  const ages = agesOf({
    activationWindowSeconds: 1800,
    retentionWindowSeconds: 604_800,
    returnAfterSeconds: 86_400,
  });
  const empty = emptyEvidence(ages, 0, { rolloutBps: 5000, holdoutBps: 5000 }).activation;
  const terms = { threshold: 0.15, against: "holdout", isKept: false } as const;
  const units = fc.integer({ min: 1, max: 5 });
  const chance = fc.double({ min: 0.01, max: 0.99, noNaN: true });

  test("is a fair bet at every age while the cohorts are alike: by exact count no bucket is expected to add evidence", () => {
    fc.assert(
      fc.property(
        fc.record({ inTreatment: units, inHoldout: units, early: chance, late: chance, before: fc.nat(40) }),
        ({ inTreatment, inHoldout, early, late, before }) => {
          // The holdout's successes in earlier buckets; there was none when `before` is 0.
          const earlier = before === 0 ? { n: 0, s: 0 } : { n: 40, s: before };
          const [first, second] = empty;
          if (first === undefined || second === undefined) throw new Error("two ages were expected");
          const accumulate = (part: OutcomeEvidence, s: [number, number], by: [number, number]) =>
            accumulateOutcomes(
              { ...part, stepHoldout: earlier },
              [
                {
                  bucketS: 0,
                  treatment: { n: inTreatment, s: s[0] },
                  holdout: { n: inHoldout, s: s[1] },
                  earlier: { treatment: by[0], holdout: by[1] },
                },
              ],
              1,
              terms,
            );
          let expected = 0;
          for (const t1 of outcomes(inTreatment, early))
            for (const c1 of outcomes(inHoldout, early))
              for (const t2 of outcomes(inTreatment - t1.s, late))
                for (const c2 of outcomes(inHoldout - c1.s, late)) {
                  const logEvidence = logEvidenceWorseThanHoldout([
                    accumulate(first, [t1.s, c1.s], [0, 0]),
                    accumulate(second, [t1.s + t2.s, c1.s + c2.s], [t1.s, c1.s]),
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
