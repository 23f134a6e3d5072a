// Mature buckets taken into the evidence, worked by hand.
import { describe, expect, test } from "vitest";
import { accumulateOutcomes } from "../../../origin/decide/accumulate-outcomes.ts";
import { accumulateRequests, accumulateTraffic } from "../../../origin/decide/accumulate-requests.ts";
import { emptyEvidence, EMPTY_TRAFFIC } from "../../../origin/decide/evidence.ts";
import { comparisonLogEValues, predictRate } from "../../../origin/decide/statistics/comparison.ts";
import { updateDetector } from "../../../origin/decide/statistics/detector.ts";
import { logLikelihoodRatios } from "../../../origin/decide/statistics/rate-evidence.ts";
import { shareLogEValues } from "../../../origin/decide/statistics/share-bets.ts";
import { EMPTY_TALLIES } from "../../../origin/decide/statistics/tally.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const ages = agesOf({ activationWindowSeconds: 900, retentionWindowSeconds: 1800, returnAfterSeconds: 900 });
const empty = emptyEvidence(ages, 400, { rolloutBps: 5000, holdoutBps: 5000 });
const [activation] = empty.activation;
if (activation === undefined) throw new Error("an age was expected");

const tallies = (n: number, s: number, holdoutN: number, holdoutS: number) => ({
  treatment: { n, s },
  holdout: { n: holdoutN, s: holdoutS },
});
const bucketAt = (bucketS: number, n: number, s: number, holdoutN: number, holdoutS: number) => ({
  bucketS,
  ...tallies(n, s, holdoutN, holdoutS),
});
const add = (...rows: number[][]) =>
  Array.from({ length: rows[0]?.length ?? 0 }, (_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0));

test("a trial begins with the bucket in which it was begun, and knows no latency yet", () => {
  expect(empty).toMatchObject({
    since: 360,
    exposed: { accumulatedTo: 360, firstBucketS: null, treatment: 0, holdout: 0 },
    traffic: { accumulatedTo: 360, p95Ms: { treatment: null, holdout: null } },
  });
  expect(activation.accumulatedTo).toBe(360);
});

describe("outcomes", () => {
  const terms = { threshold: 0.15, against: "threshold", isKept: false } as const;
  const compared = { ...terms, against: "holdout" } as const;

  test("against a threshold are counted and nothing else", () => {
    const buckets = [bucketAt(180, 9, 9, 9, 9), bucketAt(360, 60, 8, 50, 5), bucketAt(540, 40, 2, 30, 1)];
    expect(accumulateOutcomes(activation, buckets, 720, terms)).toEqual({
      ...activation,
      accumulatedTo: 720,
      mature: tallies(100, 10, 80, 6),
    });
  });

  test("that begin at the new end or later wait for the next time", () => {
    const buckets = [bucketAt(360, 60, 8, 50, 5), bucketAt(540, 40, 2, 30, 1)];
    const first = accumulateOutcomes(activation, buckets, 540, terms);
    expect(first).toMatchObject({ accumulatedTo: 540, mature: tallies(60, 8, 50, 5) });
    expect(accumulateOutcomes(first, buckets, 720, terms).mature).toEqual(tallies(100, 10, 80, 6));
    expect(accumulateOutcomes(first, [], 360, terms).accumulatedTo).toBe(540);
  });

  test("beside a holdout are bet on at a rate from the buckets before", () => {
    const buckets = [bucketAt(360, 60, 8, 50, 10), bucketAt(540, 40, 2, 30, 9)];
    const found = accumulateOutcomes(activation, buckets, 720, compared);
    expect(found.stepHoldout).toEqual({ n: 80, s: 19 });
    expect(found.worseThanHoldout).toEqual(
      add(
        comparisonLogEValues(tallies(60, 8, 50, 10), null),
        comparisonLogEValues(tallies(40, 2, 30, 9), predictRate({ n: 50, s: 10 })),
      ),
    );
  });

  test("that had succeeded at the age before are in the counts but not in the bet", () => {
    const bucket = { ...bucketAt(360, 60, 8, 50, 10), earlier: { treatment: 5, holdout: 4 } };
    const found = accumulateOutcomes(activation, [bucket], 540, compared);
    expect(found.mature).toEqual(tallies(60, 8, 50, 10));
    expect(found.stepHoldout).toEqual({ n: 46, s: 6 });
    expect(found.worseThanHoldout).toEqual(comparisonLogEValues(tallies(55, 3, 46, 6), null));
  });

  test("of a kept feature go to the detector 50 at a time, at the threshold", () => {
    const kept = { ...terms, isKept: true };
    const found = accumulateOutcomes(
      activation,
      [bucketAt(360, 49, 4, 0, 0), bucketAt(540, 1, 1, 0, 0)],
      720,
      kept,
    );
    expect(found.sinceKept).toEqual({
      detector: updateDetector([], logLikelihoodRatios({ n: 50, s: 5 }, 0.15)),
      batch: EMPTY_TALLIES,
    });
  });

  test("of a kept feature are compared at the holdout's rate from before the batch began to fill", () => {
    const kept = { ...compared, isKept: true };
    const known = { ...activation, mature: tallies(1000, 150, 400, 80) };
    const buckets = [bucketAt(360, 30, 4, 20, 3), bucketAt(540, 20, 1, 35, 9)];
    const found = accumulateOutcomes(known, buckets, 720, kept);
    const batch = tallies(50, 5, 55, 12);
    expect(found.sinceKept).toEqual({
      detector: updateDetector([], comparisonLogEValues(batch, predictRate({ n: 400, s: 80 }))),
      batch: EMPTY_TALLIES,
    });
  });
});

describe("requests", () => {
  const batch = tallies(200, 10, 150, 3);
  const terms = { threshold: 0.05, against: "threshold", isKept: false } as const;
  const compared = { ...terms, against: "holdout" } as const;

  test("against a bound are bet on by their share of bad ones", () => {
    expect(accumulateRequests(EMPTY_TRAFFIC, batch, terms)).toEqual({
      ...EMPTY_TRAFFIC,
      requests: batch,
      aboveBound: shareLogEValues({ n: 200, s: 10 }, 0.05),
    });
  });

  test("beside a holdout are bet on by the good ones, ten of them as one witness", () => {
    const before = { ...EMPTY_TRAFFIC, requests: tallies(100, 50, 90, 9) };
    const good = tallies(190 + 10, 190, 150, 147);
    const logEValues = comparisonLogEValues(good, predictRate({ n: 90, s: 81 })).map((value) => value / 10);
    const found = accumulateRequests(before, batch, compared);
    expect(found).toMatchObject({ requests: tallies(300, 60, 240, 12), aboveBound: before.aboveBound });
    for (const [i, value] of logEValues.entries()) expect(found.worseThanHoldout[i]).toBeCloseTo(value, 12);
    expect(found.sinceKept).toEqual({ detector: [] });
  });

  test("of a kept feature move the detector with each bucket", () => {
    const logEValues = shareLogEValues({ n: 200, s: 10 }, 0.05);
    const once = accumulateRequests(EMPTY_TRAFFIC, batch, { ...terms, isKept: true });
    expect(once.sinceKept.detector).toEqual(updateDetector([], logEValues));
    const twice = accumulateRequests(once, batch, { ...terms, isKept: true });
    expect(twice.sinceKept.detector).toEqual(updateDetector(once.sinceKept.detector, logEValues));
  });
});

describe("traffic", () => {
  const bucket = (bucketS: number) => ({
    bucketS,
    latency: tallies(200, 30, 150, 3),
    errors: tallies(200, 4, 150, 1),
  });
  const accumulate = (rule: Parameters<typeof accumulateTraffic>[3]["rule"], isKept = false) =>
    accumulateTraffic(empty.traffic, [bucket(180), bucket(360), bucket(540)], 540, { rule, isKept });

  test("is taken in once, by the buckets from the last one on and before the new end", () => {
    const found = accumulate({ compare: {} });
    expect(found.accumulatedTo).toBe(540);
    expect(found.latency.requests).toEqual(tallies(200, 30, 150, 3));
    expect(found.errors.requests).toEqual(tallies(200, 4, 150, 1));
    const more = accumulateTraffic(found, [bucket(360), bucket(540)], 720, {
      rule: { compare: {} },
      isKept: false,
    });
    expect(more.latency.requests).toEqual(tallies(400, 60, 300, 6));
    expect(accumulateTraffic(more, [], 360, { rule: { compare: {} }, isKept: false }).accumulatedTo).toBe(
      720,
    );
  });

  test("allows one request in twenty to be slow, and as many to fail as the rule says, or one in twenty", () => {
    const slow = shareLogEValues({ n: 200, s: 30 }, 0.05);
    expect(accumulate({ compare: {} })).toMatchObject({
      latency: { aboveBound: slow },
      errors: { aboveBound: shareLogEValues({ n: 200, s: 4 }, 0.05) },
    });
    expect(accumulate({ compare: {}, errorRateThreshold: 0.01 })).toMatchObject({
      latency: { aboveBound: slow },
      errors: { aboveBound: shareLogEValues({ n: 200, s: 4 }, 0.01) },
    });
  });

  test("is compared with the holdout signal by signal", () => {
    const { latency, errors } = accumulate({ compare: { latency: "holdout" } });
    expect(latency.aboveBound).toEqual([0, 0, 0]);
    expect(latency.worseThanHoldout).not.toEqual(EMPTY_TRAFFIC.worseThanHoldout);
    expect(errors.worseThanHoldout).toEqual(EMPTY_TRAFFIC.worseThanHoldout);
    const other = accumulate({ compare: { errorRate: "holdout" } });
    expect(other.errors.aboveBound).toEqual([0, 0, 0]);
    expect(other.latency.aboveBound).not.toEqual([0, 0, 0]);
  });

  test("moves the detectors of a kept feature alone", () => {
    expect(accumulate({ compare: {} }, true).latency.sinceKept.detector).toHaveLength(3);
    expect(accumulate({ compare: {} }).latency.sinceKept.detector).toEqual([]);
  });
});
