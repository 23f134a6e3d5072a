// Exposed units, and the guards that stand on them.
import { describe, expect, test } from "vitest";
import { accumulateExposures } from "../../../origin/decide/accumulate-exposures.ts";
import { emptyEvidence, type Evidence } from "../../../origin/decide/evidence.ts";
import { lagObstacle, sampleRatioObstacle, sampleRatioTest } from "../../../origin/decide/guards.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const ROLLOUT = { rolloutBps: 5000, holdoutBps: 5000 };
const empty = emptyEvidence(
  agesOf({ activationWindowSeconds: 900, retentionWindowSeconds: 1800, returnAfterSeconds: 900 }),
  0,
  ROLLOUT,
);
const bucketAt = (bucketS: number, treatment: number, holdout: number) => ({
  bucketS,
  treatment: { n: treatment, s: 0 },
  holdout: { n: holdout, s: 0 },
});
const at = { rollout: ROLLOUT, now: 1000 };

describe("exposed units", () => {
  test("are counted once, by the buckets from the last one on and before the new end", () => {
    const first = accumulateExposures(
      empty,
      [bucketAt(0, 5, 4), bucketAt(180, 3, 2), bucketAt(360, 9, 9)],
      360,
      at,
    );
    expect(first.exposed).toEqual({ accumulatedTo: 360, firstBucketS: 0, treatment: 8, holdout: 6 });
    expect(first.sampleRatio).toMatchObject({ treatment: 8, holdout: 6 });
    const again = accumulateExposures(first, [bucketAt(180, 3, 2), bucketAt(360, 9, 9)], 540, at);
    expect(again.exposed).toEqual({ accumulatedTo: 540, firstBucketS: 0, treatment: 17, holdout: 15 });
  });

  test("do not move back to an end that was passed already", () => {
    const later = accumulateExposures(empty, [bucketAt(0, 5, 4)], 720, at);
    expect(accumulateExposures(later, [], 360, at).exposed.accumulatedTo).toBe(720);
  });

  test("have their first bucket where the first unit of treatment is", () => {
    const nobody = accumulateExposures(empty, [bucketAt(0, 0, 7)], 180, at);
    expect(nobody.exposed.firstBucketS).toBeNull();
    const one = accumulateExposures(nobody, [bucketAt(180, 0, 1), bucketAt(360, 1, 0)], 540, at);
    expect(one.exposed.firstBucketS).toBe(360);
    expect(accumulateExposures(one, [bucketAt(540, 8, 8)], 720, at).exposed.firstBucketS).toBe(360);
  });
});

test.each([
  [0, null],
  [60, null],
  [60.1, "telemetry is 60 s behind; nothing is decided on it"],
  [99.7, "telemetry is 100 s behind; nothing is decided on it"],
  [null, "telemetry is an unknown time behind; nothing is decided on it"],
])("a lag of %s s is the obstacle %s", (lagSeconds, obstacle) => {
  expect(lagObstacle(lagSeconds)).toBe(obstacle);
});

describe("the sample ratio", () => {
  const evidenceWith = (over: Partial<Evidence["sampleRatio"]>): Evidence => ({
    ...empty,
    sampleRatio: { ...empty.sampleRatio, ...over },
  });

  test("is not tested without two cohorts, now or before", () => {
    const evidence = evidenceWith({ holdoutBps: 0, treatment: 9 });
    expect(sampleRatioTest(evidence)).toBeNull();
    expect(sampleRatioObstacle(evidence, null)).toBeNull();
  });

  test("is tested by the stronger evidence of now and before", () => {
    const lopsided = evidenceWith({ treatment: 500, holdout: 400, earlierLogEvidence: 2 });
    expect(sampleRatioTest(lopsided)?.logEvidence).toBeCloseTo(3.8598528764071993, 8);
    expect(
      sampleRatioTest({ ...lopsided, sampleRatio: { ...lopsided.sampleRatio, earlierLogEvidence: 5 } }),
    ).toEqual({
      logEvidence: 5,
      logBar: Math.log(1000),
    });
    expect(sampleRatioTest(evidenceWith({ holdoutBps: 0, earlierLogEvidence: -3 }))?.logEvidence).toBe(-3);
  });

  test("stops decisions with the sizes, the shares and the evidence in words", () => {
    const evidence = evidenceWith({ rolloutBps: 2000, holdoutBps: 1000, treatment: 5000, holdout: 4000 });
    const found = { logEvidence: Math.log(6000), logBar: Math.log(1000) };
    expect(sampleRatioObstacle(evidence, found)).toBe(
      "the cohorts have 5000 and 4000 units where the rollout makes them 2000 : 1000 (evidence 6,000 : 1); units are lost on one side, so no rate is judged and nothing is kept until a person begins a new trial",
    );
    expect(sampleRatioObstacle(evidence, { ...found, logEvidence: Math.log(999) })).toBeNull();
    const before = evidenceWith({ earlierLogEvidence: found.logEvidence });
    expect(sampleRatioObstacle(before, found)).toBe(
      "the cohorts did not have the sizes of the rollout before it was changed (evidence 6,000 : 1); units are lost on one side, so no rate is judged and nothing is kept until a person begins a new trial",
    );
  });
});
