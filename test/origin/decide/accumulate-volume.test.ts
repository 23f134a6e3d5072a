// The volume of traffic beside which outcomes are watched: buckets of 5 s, a window of 80 s, opened after 0 or 40 s.
import { describe, expect, test } from "vitest";
import {
  accumulateVolume,
  isUsualFor,
  openingOf,
  trimVolume,
  unusualVolume,
} from "../../../origin/decide/accumulate-volume.ts";
import { NO_VOLUME } from "../../../origin/decide/statistics/volume.ts";

const ALL = { rolloutBps: 5_000, holdoutBps: 5_000 };
const activation = openingOf("activation", { returnAfterSeconds: 40 }, { bucketSeconds: 5 });
const retention = openingOf("retention", { returnAfterSeconds: 40 }, { bucketSeconds: 5 });
const bucketAt = (bucketS: number, treatment: number, holdout: number) => ({
  bucketS,
  treatment: { n: treatment, s: 0 },
  holdout: { n: holdout, s: 0 },
});
const begin = { ageSeconds: 80, accumulatedTo: 0, volume: NO_VOLUME };
/** 100 units a bucket in each cohort until 200, from then on as many as `then`. */
const exposuresOf = (then: number) =>
  Array.from({ length: 80 }, (_, i) => bucketAt(5 * i, i < 40 ? 100 : then, i < 40 ? 100 : then));
const partOf = (then: number) =>
  accumulateVolume(begin, { found: exposuresOf(then), upTo: 400 }, ALL, activation);

test("a unit can return only after returnAfterSeconds, and act at once", () => {
  expect(activation).toEqual({ bucketSeconds: 5, opensAfterSeconds: 0 });
  expect(retention).toEqual({ bucketSeconds: 5, opensAfterSeconds: 40 });
});

test("units of both cohorts count, as the part of all visitors that the rollout makes them", () => {
  const added = (rollout: { rolloutBps: number; holdoutBps: number }) =>
    accumulateVolume(begin, { found: [bucketAt(0, 3, 2)], upTo: 5 }, rollout, activation).volume;
  expect(added(ALL)).toMatchObject({ knownTo: 5, cells: [[0, 5]] });
  expect(added({ rolloutBps: 1_500, holdoutBps: 1_000 }).cells).toEqual([[0, 20]]);
  expect(added({ rolloutBps: 0, holdoutBps: 0 }).cells).toEqual([[0, 50_000]]);
});

test("the volume is kept from the oldest bucket on that is not mature", () => {
  const part = { ...partOf(100), accumulatedTo: 105 };
  const { volume, ...rest } = trimVolume(part, activation);
  expect(volume.from).toBe(100);
  expect(rest).toEqual({ ageSeconds: 80, accumulatedTo: 105 });
});

describe("a bucket is watched", () => {
  const usualAt = (then: number, opening = activation, rollout = ALL) =>
    isUsualFor(partOf(then), rollout, opening);

  test("while as many visitors come as ever", () => {
    for (const bucketS of [100, 150, 200, 300]) expect(usualAt(100)(bucketAt(bucketS, 100, 100))).toBe(true);
  });

  test("not where its units have a window in which hardly anybody comes, or a crowd does", () => {
    for (const then of [10, 500]) {
      expect(usualAt(then)(bucketAt(110, 100, 100))).toBe(true);
      expect(usualAt(then)(bucketAt(190, 100, 100))).toBe(false);
      expect(usualAt(then)(bucketAt(210, then, then))).toBe(false);
    }
  });

  test("by the part of its window in which it can succeed", () => {
    expect(usualAt(10)(bucketAt(125, 100, 100))).toBe(true);
    expect(usualAt(10, retention)(bucketAt(125, 100, 100))).toBe(false);
  });

  test("not where it is a crowd itself, though the window is not", () => {
    expect(usualAt(100)(bucketAt(300, 200, 200))).toBe(false);
    expect(usualAt(100)(bucketAt(300, 40, 40))).toBe(false);
  });

  test("by what chance does to units that stand for many visitors", () => {
    const few = { rolloutBps: 50, holdoutBps: 50 };
    const part = accumulateVolume(
      begin,
      { found: Array.from({ length: 80 }, (_, i) => bucketAt(5 * i, 1, 1)), upTo: 400 },
      few,
      activation,
    );
    expect(isUsualFor(part, few, activation)(bucketAt(300, 2, 1))).toBe(true);
    expect(isUsualFor(part, few, activation)(bucketAt(300, 6, 6))).toBe(false);
  });
});

describe("the newest mature bucket", () => {
  const at = (then: number, accumulatedTo: number) =>
    unusualVolume({ ...partOf(then), accumulatedTo }, ALL, activation);

  test("has no unusual volume while all is as ever, or nothing is known", () => {
    expect(at(100, 305)).toBe(null);
    expect(at(10, 5)).toBe(null);
  });

  test("says by how much its traffic is more or less than usual", () => {
    expect(at(10, 300)).toBeCloseTo(40 / ((8_360 / 290) * 10), 9);
    expect(at(500, 215)).toBeCloseTo(4.2, 9);
  });

  test("says so of its own time first, before that in which its units can succeed", () => {
    const found = Array.from({ length: 80 }, (_, i) => {
      const units = i < 40 ? 100 : i < 42 ? 10 : 500;
      return bucketAt(5 * i, units, units);
    });
    const part = accumulateVolume(begin, { found, upTo: 400 }, ALL, activation);
    expect(unusualVolume({ ...part, accumulatedTo: 205 }, ALL, activation)).toBeCloseTo(0.1, 9);
  });
});
