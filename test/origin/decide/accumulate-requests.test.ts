// Which evidence a bucket of requests moves, and by how much.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  accumulateRequests,
  accumulateTraffic,
  leastForWeight,
  lostOf,
} from "../../../origin/decide/accumulate-requests.ts";
import { emptyEvidence, EMPTY_TRAFFIC } from "../../../origin/decide/evidence.ts";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import { requestCap } from "../../../origin/decide/statistics/bucket-sizes.ts";
import { comparisonLogEValues, predictRate } from "../../../origin/decide/statistics/comparison.ts";
import { firstDayRequests, shareLogEValues, STAKES } from "../../../origin/decide/statistics/share-bets.ts";
import { logMeanExp } from "../../../origin/decide/statistics/log-sum-exp.ts";
import { complement } from "../../../origin/decide/statistics/tally.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const batch = { treatment: { n: 100, s: 30 }, holdout: { n: 80, s: 4 } };
const good = { treatment: complement(batch.treatment), holdout: complement(batch.holdout) };
const besideAfter = (holdout: { n: number; s: number }) =>
  comparisonLogEValues(good, predictRate(holdout), 1 / 10);
const aboveOf = (bound: number) => shareLogEValues(batch.treatment, bound, requestCap([]));
const { aboveBound: nothingAbove, worseThanHoldout: nothingBeside } = EMPTY_TRAFFIC;

describe("a bucket of requests", () => {
  test("against the threshold alone moves nothing beside the holdout", () => {
    const terms = { threshold: 0.05, against: "threshold", isKept: true } as const;
    expect(accumulateRequests(EMPTY_TRAFFIC, batch, terms)).toMatchObject({
      requests: batch,
      aboveBound: aboveOf(0.05),
      worseThanHoldout: nothingBeside,
      sinceKept: { detector: aboveOf(0.05), besideHoldout: [], run: batch },
    });
  });

  test("beside the holdout alone moves nothing against the threshold", () => {
    const terms = { threshold: 0.05, against: "holdout", isKept: true } as const;
    const beside = besideAfter({ n: 0, s: 0 });
    expect(accumulateRequests(EMPTY_TRAFFIC, batch, terms)).toMatchObject({
      aboveBound: nothingAbove,
      worseThanHoldout: beside,
      sinceKept: { detector: beside, besideHoldout: [] },
    });
  });

  test("against both bets ten requests as one witness, on the holdout's good ones so far", () => {
    const terms = { threshold: 0.05, against: "both", isKept: false } as const;
    const before = { treatment: { n: 500, s: 250 }, holdout: { n: 300, s: 6 } };
    const after = accumulateRequests({ ...EMPTY_TRAFFIC, requests: before }, batch, terms);
    expect(after.worseThanHoldout).toEqual(besideAfter({ n: 300, s: 294 }));
    expect(after.aboveBound).toEqual(aboveOf(0.05));
    expect(after.sinceKept).toEqual(EMPTY_TRAFFIC.sinceKept);
    const { sinceKept } = accumulateRequests(EMPTY_TRAFFIC, batch, { ...terms, isKept: true });
    expect(sinceKept).toMatchObject({ detector: aboveOf(0.05), besideHoldout: besideAfter({ n: 0, s: 0 }) });
  });
});

test("failed and unfinished requests are lost, and failed ones alone where none is unfinished", () => {
  const bucket = { bucketS: 0, latency: batch, errors: batch };
  expect(lostOf(bucket)).toEqual(batch);
  expect(lostOf({ ...bucket, unfinished: { treatment: 3, holdout: 2 } })).toEqual({
    treatment: { n: 100, s: 33 },
    holdout: { n: 80, s: 6 },
  });
});

describe("the traffic of a feature", () => {
  const ruleWith = (over: Partial<Rule> = {}) =>
    judgedRule(
      Rule.parse({
        featureId: "feat_example",
        activationThreshold: 0.15,
        retentionThreshold: 0.4,
        latencyP95Threshold: 200,
        minCohortSize: 1000,
        evaluationWindowSeconds: 3600,
        ...over,
      }),
      { holdoutBps: 5_000 },
    );
  const { traffic } = emptyEvidence(agesOf(ruleWith()), 0, { rolloutBps: 5_000, holdoutBps: 5_000 });
  const buckets = [0, 180, 360].map((bucketS) => ({ bucketS, latency: batch, errors: batch }));

  test("is taken in once, by the buckets from the last one on and before the new end", () => {
    const terms = { rule: ruleWith(), isKept: false };
    const early = accumulateTraffic(traffic, buckets, 360, terms);
    for (const { requests } of [early.latency, early.errors, early.lost])
      expect(requests.treatment).toEqual({ n: 200, s: 60 });
    expect(early.accumulatedTo).toBe(360);
    expect(accumulateTraffic(early, buckets, 540, terms).latency.requests.treatment.n).toBe(300);
    expect(accumulateTraffic(early, buckets, 180, terms)).toEqual(early);
  });

  test.each([
    { errorRateThreshold: undefined, bound: 0.05 },
    { errorRateThreshold: 0.02, bound: 0.02 },
  ])(
    "has failed requests against a bound of $bound where the rule names $errorRateThreshold, and lost ones beside the holdout",
    ({ errorRateThreshold, bound }) => {
      const rule = ruleWith({ errorRateThreshold });
      const beside = besideAfter({ n: 0, s: 0 });
      const after = accumulateTraffic(traffic, buckets, 180, { rule, isKept: true });
      expect(after.latency).toMatchObject({ aboveBound: aboveOf(0.05), worseThanHoldout: beside });
      expect(after.errors).toMatchObject({
        aboveBound: aboveOf(bound),
        worseThanHoldout: nothingBeside,
        sinceKept: { detector: aboveOf(bound), besideHoldout: [] },
      });
      expect(after.lost).toMatchObject({
        aboveBound: nothingAbove,
        worseThanHoldout: beside,
        sinceKept: { detector: beside },
      });
    },
  );
});

describe("the first day of requests", () => {
  const DAY = 86_400;
  const ruleOf = (holdoutBps: number, over: Partial<Rule> = {}) =>
    judgedRule(
      Rule.parse({
        featureId: "feat_example",
        activationThreshold: 0.15,
        retentionThreshold: 0.4,
        latencyP95Threshold: 200,
        minCohortSize: 1000,
        evaluationWindowSeconds: 3600,
        ...over,
      }),
      { holdoutBps },
    );
  const nobody = { n: 0, s: 0 };
  const bucketAt = (bucketS: number, { n, s }: { n: number; s: number }) => ({
    bucketS,
    latency: { treatment: { n, s }, holdout: nobody },
    errors: { treatment: { n, s }, holdout: nobody },
  });
  const empty = emptyEvidence(agesOf(ruleOf(0)), 0, { rolloutBps: 10_000, holdoutBps: 0 }).traffic;
  /** What the second of two buckets of 10 requests adds, all of them bad. */
  const secondAdds = (rule: ReturnType<typeof ruleOf>, firstS: number, secondS: number) => {
    const buckets = [bucketAt(firstS, { n: 10, s: 10 }), bucketAt(secondS, { n: 10, s: 10 })];
    const { latency, errors, firstRequestS } = accumulateTraffic(empty, buckets, secondS + 1, {
      rule,
      isKept: false,
    });
    return { latency: latency.aboveBound, errors: errors.aboveBound, firstRequestS };
  };
  const weighed = (cap: number, bound = 0.05) => shareLogEValues({ n: 10, s: 10 }, bound, cap);

  test("weighs a bucket by 5 bad requests at its bound, and from the second day on by its usual size", () => {
    const rule = ruleOf(0, { errorRateThreshold: 0.01 });
    const first = secondAdds(rule, 180, DAY);
    expect(first).toEqual({ latency: weighed(100), errors: weighed(500, 0.01), firstRequestS: 180 });
    const usual = requestCap([[Math.floor(8 * Math.log2(10)), 1]]) ?? 0;
    const second = secondAdds(rule, 180, DAY + 180);
    expect(second).toEqual({ latency: weighed(usual), errors: weighed(usual, 0.01), firstRequestS: 180 });
  });

  test("begins with the first bucket that has requests, and an empty one tells nothing", () => {
    const buckets = [bucketAt(0, nobody), bucketAt(360, { n: 1, s: 0 })];
    const after = (upTo: number) =>
      accumulateTraffic(empty, buckets, upTo, { rule: ruleOf(0), isKept: false }).firstRequestS;
    expect(after(360)).toBeNull();
    expect(after(361)).toBe(360);
  });

  test("is as any other beside a holdout, where a lonely night hits both cohorts", () => {
    const usual = requestCap([[Math.floor(8 * Math.log2(10)), 1]]) ?? 0;
    expect(secondAdds(ruleOf(5_000), 0, 180).latency).toEqual(weighed(usual));
    expect(leastForWeight({ threshold: 0.05, against: "both" }, 0)).toBe(0);
    expect(leastForWeight({ threshold: 0.05, against: "holdout" }, 0)).toBe(0);
    expect(leastForWeight({ threshold: 0.05, against: "threshold" }, DAY - 1)).toBe(100);
    expect(leastForWeight({ threshold: 0.05, against: "threshold" }, DAY)).toBe(0);
  });

  test("brings no evidence beyond the number of bad requests, whatever the bound and however they come", () => {
    const sizes = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 3_000 }), fc.double({ min: 0, max: 1, noNaN: true })),
      {
        minLength: 1,
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(sizes, fc.constantFrom(0, 0.0001, 0.01, 0.05, 0.5), (found, bound) => {
        const terms = { threshold: bound, against: "threshold", isKept: false } as const;
        let evidence = EMPTY_TRAFFIC;
        let bad = 0;
        for (const [n, share] of found) {
          const s = Math.round(n * share);
          bad += s;
          evidence = accumulateRequests(
            evidence,
            { treatment: { n, s }, holdout: nobody },
            terms,
            leastForWeight(terms, 0),
          );
        }
        expect(logMeanExp(evidence.aboveBound)).toBeLessThanOrEqual((bad * Math.max(...STAKES)) / 5 + 1e-9);
      }),
    );
    expect(firstDayRequests(0)).toBe(50_000);
  });
});
