// What a kept feature's units do to its detector, its run, and the evidence beside the holdout; and whether a holdout can succeed.
import { describe, expect, test } from "vitest";
import {
  accumulateOutcomes,
  updateSinceKept,
  type OutcomeBucket,
} from "../../../origin/decide/accumulate-outcomes.ts";
import { accumulateRequests } from "../../../origin/decide/accumulate-requests.ts";
import { emptyEvidence, EMPTY_TRAFFIC, type OutcomeEvidence } from "../../../origin/decide/evidence.ts";
import {
  comparisonLogEValues,
  predictRate,
  soleLogEValue,
} from "../../../origin/decide/statistics/comparison.ts";
import { logLikelihoodRatios } from "../../../origin/decide/statistics/rate-evidence.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const ages = agesOf({ activationWindowSeconds: 600, retentionWindowSeconds: 1200, returnAfterSeconds: 600 });
const [first] = emptyEvidence(ages, 0, { rolloutBps: 5_000, holdoutBps: 5_000 }).activation;
if (first === undefined) throw new Error("an age was expected");
const empty: OutcomeEvidence = first;

const bucket = (bucketS: number, treatment: [number, number], holdout: [number, number]): OutcomeBucket => ({
  bucketS,
  treatment: { n: treatment[0], s: treatment[1] },
  holdout: { n: holdout[0], s: holdout[1] },
});
const both = { threshold: 0.15, against: "both", isKept: true } as const;

describe("a run of the detector", () => {
  const fair = { below: [0, 0], beside: [0.5, -0.5] };
  const batch = { treatment: { n: 50, s: 5 }, holdout: { n: 40, s: 8 } };
  const nothing = { detector: [], besideHoldout: [], run: bucket(0, [9, 9], [9, 9]) };

  test("begins with the batch before which the detector stood at nothing", () => {
    const one = updateSinceKept(nothing, batch, { below: [-3, -3], beside: [0.5, -0.5] });
    expect(one.run).toEqual(batch);
    expect(one.besideHoldout).toEqual([0.5, -0.5]);
    const other = { ...batch, treatment: { n: 60, s: 1 } };
    expect(updateSinceKept(one, other, fair)).toMatchObject({ run: other, besideHoldout: [0.5, -0.5] });
  });

  test("goes on while the detector stands above, with counts and evidence", () => {
    const one = updateSinceKept(nothing, batch, { below: [0.1, 0.1], beside: [0.5, -0.5] });
    const two = updateSinceKept(one, batch, fair);
    expect(two.run).toEqual({ treatment: { n: 100, s: 10 }, holdout: { n: 80, s: 16 } });
    expect(two.besideHoldout).toEqual([1, -1]);
  });

  test("begins anew also where the detector stands at exactly one", () => {
    const one = updateSinceKept(nothing, batch, { below: [0, 0], beside: [1, 1] });
    expect(updateSinceKept(one, batch, fair).besideHoldout).toEqual([0.5, -0.5]);
  });

  test("has one kind of evidence where one is asked for", () => {
    const below = updateSinceKept(nothing, batch, { below: [0.2], beside: null });
    expect(below).toMatchObject({ detector: [0.2], besideHoldout: [] });
    const beside = updateSinceKept(nothing, batch, { below: null, beside: [0.3] });
    expect(beside).toMatchObject({ detector: [0.3], besideHoldout: [] });
    expect(updateSinceKept(nothing, batch, { below: null, beside: null }).detector).toEqual([]);
  });
});

test("outcomes are taken in once, by the buckets from the last one on and before the new end", () => {
  const buckets = [bucket(0, [5, 1], [4, 1]), bucket(180, [3, 0], [2, 0]), bucket(360, [9, 0], [9, 0])];
  const early = accumulateOutcomes(empty, buckets, 360, both);
  expect(early).toMatchObject({
    accumulatedTo: 360,
    mature: { treatment: { n: 8, s: 1 }, holdout: { n: 6, s: 1 } },
  });
  expect(accumulateOutcomes(early, buckets, 540, both).mature.treatment.n).toBe(17);
  expect(accumulateOutcomes(early, buckets, 180, both)).toEqual(early);
});

describe("a batch of a kept feature", () => {
  test("bets on the holdout's rate as it was known before the batch began to fill", () => {
    const before = accumulateOutcomes(empty, [bucket(0, [120, 20], [100, 18])], 1, {
      ...both,
      isKept: false,
    });
    const filling = accumulateOutcomes(before, [bucket(1, [30, 2], [31, 5])], 2, both);
    expect(filling.sinceKept).toMatchObject({ detector: [], besideHoldout: [], recent: { n: 30, s: 2 } });
    const full = accumulateOutcomes(filling, [bucket(2, [20, 1], [25, 4])], 3, both);
    const batch = { treatment: { n: 50, s: 3 }, holdout: { n: 56, s: 9 } };
    expect(full.sinceKept.besideHoldout).toEqual(comparisonLogEValues(batch, predictRate({ n: 100, s: 18 })));
    expect(full.sinceKept.detector).toEqual(logLikelihoodRatios(batch.treatment, 0.15));
    expect(full.sinceKept.run).toEqual(batch);
  });

  test("under a comparison alone moves the detector by it", () => {
    const compared = accumulateOutcomes(empty, [bucket(0, [50, 3], [50, 9])], 1, {
      ...both,
      against: "holdout",
    });
    const batch = bucket(0, [50, 3], [50, 9]);
    expect(compared.sinceKept.detector).toEqual(comparisonLogEValues(batch, null));
  });

  test("against the threshold alone has no evidence beside the holdout, though there is one", () => {
    const one = bucket(0, [50, 3], [50, 9]);
    const { sinceKept } = accumulateOutcomes(empty, [one], 1, { ...both, against: "threshold" });
    expect(sinceKept).toMatchObject({
      detector: logLikelihoodRatios(one.treatment, 0.15),
      besideHoldout: [],
    });
  });

  test("is left out where the traffic is unusual and no holdout can tell", () => {
    const unusual = () => false;
    const alone = bucket(0, [60, 3], [0, 0]);
    const seen = (terms: Parameters<typeof accumulateOutcomes>[3], one: OutcomeBucket) =>
      accumulateOutcomes(empty, [one], 1, terms, unusual).sinceKept;
    expect(seen({ ...both, against: "threshold" }, alone).detector).toEqual([]);
    expect(seen({ ...both, against: "threshold" }, alone).recent.n).toBe(0);
    expect(seen({ ...both, against: "threshold" }, bucket(0, [60, 3], [60, 9])).detector).toEqual([]);
    expect(seen(both, bucket(0, [60, 3], [60, 0])).detector).toEqual([]);
    expect(seen(both, bucket(0, [60, 3], [60, 9])).detector).not.toEqual([]);
    expect(
      accumulateOutcomes(empty, [alone], 1, { ...both, against: "threshold" }, unusual).mature.treatment.n,
    ).toBe(60);
  });

  test("beside a holdout that has succeeded before counts though none of it succeeds now", () => {
    const before = accumulateOutcomes(empty, [bucket(0, [10, 2], [10, 1])], 1, { ...both, isKept: false });
    const after = accumulateOutcomes(before, [bucket(1, [60, 3], [60, 0])], 2, both, () => false);
    expect(after.sinceKept.detector).not.toEqual([]);
  });

  test("beside a holdout that has never succeeded is left out where the traffic is unusual, whatever treatment did", () => {
    const before = accumulateOutcomes(empty, [bucket(0, [10, 2], [10, 0])], 1, { ...both, isKept: false });
    const after = accumulateOutcomes(before, [bucket(1, [60, 3], [60, 0])], 2, both, () => false);
    expect(after.sinceKept.detector).toEqual([]);
  });

  test("makes what is recent: a thousand units later an old one counts a third", () => {
    const terms = { ...both, against: "threshold" } as const;
    const one = accumulateOutcomes(empty, [bucket(0, [100, 50], [0, 0])], 1, terms);
    expect(one.sinceKept.recent).toEqual({ n: 100, s: 50 });
    const later = accumulateOutcomes(one, [bucket(1, [1_000, 0], [0, 0])], 2, terms);
    expect(later.sinceKept.recent.s).toBeCloseTo(50 / Math.E, 9);
    expect(later.sinceKept.recent.n).toBeCloseTo(1_000 + 100 / Math.E, 9);
  });
});

describe("whether the holdout can succeed at all", () => {
  test("each success of treatment alone counts by how many units it could have been", () => {
    expect(soleLogEValue(bucket(0, [90, 3], [10, 0]))).toBeCloseTo(3 * Math.log(100 / 90), 12);
    expect(soleLogEValue(bucket(0, [50, 10], [50, 0]))).toBeCloseTo(10 * Math.log(2), 12);
    for (const alone of [bucket(0, [0, 0], [10, 0]), bucket(0, [10, 3], [0, 0])])
      expect(soleLogEValue(alone)).toBe(0);
  });

  test("is no better a bet than even while both are alike", () => {
    // Every way in which four successes can fall on five treatment and three holdout units.
    const ways = (n: number, k: number): number => (k === 0 ? 1 : (ways(n - 1, k - 1) * n) / k);
    const allTreatment = ways(5, 4) / ways(8, 4);
    expect(allTreatment * Math.exp(soleLogEValue(bucket(0, [5, 4], [3, 0])))).toBeLessThanOrEqual(1);
  });

  test("is gathered under a comparison, and not against the threshold alone", () => {
    const one = bucket(0, [50, 10], [50, 0]);
    const gathered = accumulateOutcomes(empty, [one, { ...one, bucketS: 1 }], 2, both);
    expect(gathered.onlyTreatment).toBeCloseTo(20 * Math.log(2), 12);
    expect(accumulateOutcomes(empty, [one], 1, { ...both, against: "threshold" }).onlyTreatment).toBe(0);
  });
});

test("requests of a kept feature move both kinds of evidence", () => {
  const batch = { treatment: { n: 100, s: 30 }, holdout: { n: 100, s: 1 } };
  const terms = { threshold: 0.05, against: "both", isKept: true } as const;
  const one = accumulateRequests(EMPTY_TRAFFIC, batch, terms);
  const two = accumulateRequests(one, batch, terms);
  expect(two.aboveBound.every((value) => value > 0)).toBe(true);
  expect(two.worseThanHoldout[4]).toBeGreaterThan(0);
  expect(two.sinceKept.detector[2]).toBeGreaterThan(0);
  expect(two.sinceKept.besideHoldout).toHaveLength(9);
  expect(two.sizes).toEqual([[53, 2]]);
});
