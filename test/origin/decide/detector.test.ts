// The e-detector, worked by hand: R becomes (R + 1) · L with each batch.
import { expect, test } from "vitest";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { emptyEvidence } from "../../../origin/decide/evidence.ts";
import { logAlarm, updateDetector, type Detector } from "../../../origin/decide/statistics/detector.ts";
import { logLikelihoodRatios } from "../../../origin/decide/statistics/rate-evidence.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const logs = (values: readonly number[]) => values.map(Math.log);
const expectR = (detector: Detector, wanted: readonly number[]) => {
  expect(detector).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries())
    expect(Math.exp(detector[i] ?? Number.NaN)).toBeCloseTo(value, 9);
};

test("each batch starts a new bet and multiplies those that run", () => {
  const first = updateDetector([], logs([2, 0.5]));
  expectR(first, [2, 0.5]);
  const second = updateDetector(first, logs([3, 4]));
  expectR(second, [9, 6]);
  expectR(updateDetector(second, logs([0.1, 1])), [1, 7]);
});

test("very small and very large sums keep their digits", () => {
  const [small = Number.NaN] = updateDetector([-800], [0]);
  expect(small).toBe(0);
  const [large = Number.NaN] = updateDetector([800], [1]);
  expect(large).toBe(801);
});

test("the alarm looks at the mean of the components, and there is none before the first batch", () => {
  expect(logAlarm(logs([1, 3, 5]))).toBeCloseTo(Math.log(3), 12);
  expect(logAlarm([])).toBe(-Infinity);
});

test("a kept feature's units fill a batch of 50 before the detector moves", () => {
  const ages = agesOf({
    activationWindowSeconds: 600,
    retentionWindowSeconds: 1200,
    returnAfterSeconds: 600,
  });
  const [empty] = emptyEvidence(ages, 0, { rolloutBps: 10_000, holdoutBps: 0 }).activation;
  if (empty === undefined) throw new Error("an age was expected");
  const terms = { threshold: 0.15, against: "threshold", isKept: true } as const;
  const bucket = (bucketS: number, n: number, s: number) => ({
    bucketS,
    treatment: { n, s },
    holdout: { n: 0, s: 0 },
  });
  const filling = accumulateOutcomes(empty, [bucket(0, 30, 5), bucket(1, 19, 2)], 2, terms);
  expect(filling.sinceKept).toMatchObject({
    detector: [],
    batch: { treatment: { n: 49, s: 7 }, holdout: { n: 0, s: 0 } },
  });
  const full = accumulateOutcomes(filling, [bucket(2, 11, 1)], 3, terms);
  const { detector, batch } = full.sinceKept;
  expect(batch.treatment).toEqual({ n: 0, s: 0 });
  expect(detector).toEqual(logLikelihoodRatios({ n: 60, s: 8 }, 0.15));
});
