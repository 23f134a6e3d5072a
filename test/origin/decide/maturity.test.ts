// Which buckets are mature, worked by hand.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matureAt, matureUpTo } from "../../../origin/decide/maturity.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";

const agesWith = (bucketSeconds: number) => ({
  ...agesOf({ activationWindowSeconds: 900, retentionWindowSeconds: 1800, returnAfterSeconds: 900 }),
  bucketSeconds,
});
const onTime = { lagSeconds: 0 };

describe("a bucket of a minute at an age of 15 minutes", () => {
  // It is closed after 60 s, its last unit is 900 s old after 960 s, and telemetry may take 30 s more.
  test("is mature 990 s after it began, and not a moment sooner", () => {
    expect(matureUpTo(agesWith(60), 900, { now: 989.9, ...onTime })).toBe(0);
    expect(matureUpTo(agesWith(60), 900, { now: 990, ...onTime })).toBe(60);
    expect(matureAt(agesWith(60), 900, 0)).toBe(990);
  });

  test("waits for the lag of the fold", () => {
    expect(matureUpTo(agesWith(60), 900, { now: 999, lagSeconds: 10 })).toBe(0);
    expect(matureUpTo(agesWith(60), 900, { now: 1000, lagSeconds: 10 })).toBe(60);
  });

  test("waits for the watermark", () => {
    expect(matureUpTo(agesWith(60), 900, { now: 5000, watermark: 989, ...onTime })).toBe(0);
    expect(matureUpTo(agesWith(60), 900, { now: 5000, watermark: 990, ...onTime })).toBe(60);
  });

  test("is not mature by a watermark that runs ahead of the fold", () => {
    expect(matureUpTo(agesWith(60), 900, { now: 999, watermark: 5000, lagSeconds: 10 })).toBe(0);
  });
});

test.each([
  { bucketSeconds: 1, lateness: 4 },
  { bucketSeconds: 4, lateness: 4 },
  { bucketSeconds: 12, lateness: 12 },
  { bucketSeconds: 30, lateness: 30 },
  { bucketSeconds: 3600, lateness: 30 },
])("buckets of $bucketSeconds s allow telemetry to be $lateness s late", ({ bucketSeconds, lateness }) => {
  expect(matureAt(agesWith(bucketSeconds), 0, 0)).toBe(bucketSeconds + lateness);
});

test("a bucket is counted from the moment at which it is said to be mature", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3600 }),
      fc.integer({ min: 0, max: 604_800 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      (bucketSeconds, age, position) => {
        const ages = agesWith(bucketSeconds);
        const bucketS = position * bucketSeconds;
        const at = matureAt(ages, age, bucketS);
        expect(matureUpTo(ages, age, { now: at, ...onTime })).toBe(bucketS + bucketSeconds);
        expect(matureUpTo(ages, age, { now: at - 1, ...onTime })).toBe(bucketS);
      },
    ),
  );
});
