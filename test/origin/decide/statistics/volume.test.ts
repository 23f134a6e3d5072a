// What is usual, worked by hand: windows of 80 s, cells of 10 s, buckets of 5 s.
import { describe, expect, test } from "vitest";
import {
  addExposures,
  forgetBefore,
  isUsual,
  NO_VOLUME,
  trafficBeside,
  type Volume,
} from "../../../../origin/decide/statistics/volume.ts";

const window = { opensAfterSeconds: 0, windowSeconds: 80, bucketSeconds: 5 };

/** `units` in each bucket from `from` on. */
const buckets = (from: number, upTo: number, units: number) =>
  Array.from({ length: (upTo - from) / 5 }, (_, i) => ({ bucketS: from + 5 * i, units }));

const steady = addExposures(NO_VOLUME, buckets(0, 200, 10), 200, window);

describe("exposures", () => {
  test("are kept by cells of an eighth of the window, up to what is known", () => {
    const volume = addExposures(NO_VOLUME, buckets(0, 25, 10), 25, window);
    expect(volume).toEqual({
      ...NO_VOLUME,
      knownTo: 25,
      cells: [
        [0, 20],
        [10, 20],
        [20, 10],
      ],
    });
  });

  test("are counted once: neither those that are known nor those that are not due", () => {
    const once = addExposures(NO_VOLUME, buckets(0, 40, 10), 20, window);
    expect(once.cells).toEqual([
      [0, 20],
      [10, 20],
    ]);
    expect(addExposures(once, buckets(0, 20, 10), 20, window)).toEqual(once);
    expect(addExposures(once, [], 10, window).knownTo).toBe(20);
  });

  test("of no units leave no cell", () => {
    expect(addExposures(NO_VOLUME, buckets(0, 20, 0), 20, window).cells).toEqual([]);
  });

  test("lie in cells of whole buckets that begin where the trial began", () => {
    const odd = { ...window, windowSeconds: 81 };
    const volume: Volume = { ...NO_VOLUME, from: 5, knownTo: 5 };
    expect(addExposures(volume, [{ bucketS: 20, units: 3 }], 25, odd).cells).toEqual([[20, 3]]);
    expect(addExposures(volume, [{ bucketS: 15, units: 3 }], 25, odd).cells).toEqual([[5, 3]]);
  });
});

describe("what came before", () => {
  test("is all that lies in cells which end by then, and hardly fades within a day", () => {
    const trimmed = forgetBefore(steady, 57, window);
    expect(trimmed.from).toBe(50);
    expect(trimmed.cells[0]).toEqual([50, 20]);
    expect(trimmed.units).toBeCloseTo(100, 1);
    expect(trimmed.seconds).toBeCloseTo(50, 1);
    expect(forgetBefore(steady, 10, window).from).toBe(10);
    expect(forgetBefore(steady, 9, window)).toEqual(steady);
  });

  test("counts times without anybody", () => {
    const trimmed = forgetBefore({ ...steady, cells: [[20, 7]] }, 100, window);
    expect(trimmed).toMatchObject({ from: 100, cells: [] });
    expect(trimmed.units).toBeCloseTo(7, 2);
    expect(trimmed.seconds).toBeCloseTo(100, 1);
  });

  test("fades over eight windows, or a week where those are shorter", () => {
    const long = { opensAfterSeconds: 0, windowSeconds: 604_800, bucketSeconds: 3_600 };
    const cell = 604_800 / 8;
    const volume: Volume = { ...NO_VOLUME, knownTo: 1e7, units: 1_000, seconds: 1_000 };
    const kept = 1 - cell / (8 * 604_800);
    const one = forgetBefore(volume, cell, long);
    expect(one.units).toBeCloseTo(1_000 * kept, 9);
    expect(one.seconds).toBeCloseTo(1_000 * kept + cell, 9);
    const short = forgetBefore(volume, 10, window);
    expect(short.units).toBeCloseTo(1_000 * (1 - 10 / 604_800), 9);
  });
});

describe("the traffic beside a bucket", () => {
  test("is its own, its cell's and its window's, each beside what is usual", () => {
    expect(trafficBeside(steady, { bucketS: 105, units: 30 }, window)).toEqual([
      { units: 30, usual: 10 },
      { units: 20, usual: 20 },
      { units: 170, usual: 170 },
    ]);
  });

  test("counts the window from where a unit can succeed, and only as far as it is known", () => {
    const later = { ...window, opensAfterSeconds: 40 };
    expect(trafficBeside(steady, { bucketS: 105, units: null }, later)).toEqual([
      { units: 20, usual: 20 },
      { units: 90, usual: 90 },
    ]);
    expect(trafficBeside(steady, { bucketS: 150, units: null }, later)).toEqual([
      { units: 20, usual: 20 },
      { units: 20, usual: 20 },
    ]);
    expect(trafficBeside(steady, { bucketS: 160, units: null }, later)).toEqual([{ units: 20, usual: 20 }]);
  });

  test("spreads a cell's units evenly over the part of it that is known", () => {
    const half = addExposures(NO_VOLUME, buckets(0, 105, 10), 105, window);
    expect(trafficBeside(half, { bucketS: 95, units: null }, window)).toEqual([
      { units: 20, usual: 20 },
      { units: 20, usual: 20 },
    ]);
  });

  test("is not known before a whole cell says what is usual, or where nobody came", () => {
    expect(trafficBeside(steady, { bucketS: 5, units: 10 }, window)).toEqual([]);
    expect(trafficBeside(steady, { bucketS: 10, units: 10 }, window)).toHaveLength(3);
    const nobody = addExposures(NO_VOLUME, [], 200, window);
    expect(trafficBeside(nobody, { bucketS: 105, units: 10 }, window)).toEqual([]);
  });

  test("goes by what came before, the forgotten too", () => {
    const trimmed = forgetBefore(steady, 100, window);
    const [own] = trafficBeside(trimmed, { bucketS: 105, units: 30 }, window);
    expect(own?.usual).toBeCloseTo(10, 6);
  });
});

describe("usual", () => {
  test.each([
    { units: 1_600, usual: 1_600, weight: 1, expected: true },
    { units: 1_360, usual: 1_600, weight: 1, expected: true },
    { units: 1_359, usual: 1_600, weight: 1, expected: false },
    { units: 1_920, usual: 1_600, weight: 1, expected: true },
    { units: 2_000, usual: 1_600, weight: 1, expected: true },
    { units: 2_001, usual: 1_600, weight: 1, expected: false },
    // A unit that stands for sixteen visitors is chance in sixteens.
    { units: 1_120, usual: 1_600, weight: 16, expected: true },
    { units: 1_119, usual: 1_600, weight: 16, expected: false },
  ])(
    "$units where $usual are usual, each of weight $weight: $expected",
    ({ expected, weight, ...traffic }) => {
      expect(isUsual(traffic, weight)).toBe(expected);
    },
  );
});

describe("the traffic beside a bucket", () => {
  test("is told by the second, where buckets are as short", () => {
    const short = { opensAfterSeconds: 0, windowSeconds: 8, bucketSeconds: 1 };
    const everySecond = Array.from({ length: 20 }, (_, bucketS) => ({ bucketS, units: 10 }));
    const volume = addExposures(NO_VOLUME, everySecond, 20, short);
    expect(trafficBeside(volume, { bucketS: 10, units: null }, short)).toEqual([
      { units: 10, usual: 10 },
      { units: 90, usual: 90 },
    ]);
  });

  test("is that of its cell, which is counted from where the trial began", () => {
    const odd = { ...window, windowSeconds: 100 };
    const begun: Volume = { ...NO_VOLUME, from: 5, knownTo: 5 };
    const volume = addExposures(begun, [...buckets(5, 20, 10), ...buckets(20, 205, 30)], 205, odd);
    expect(trafficBeside(volume, { bucketS: 25, units: null }, odd)).toEqual([
      { units: 90, usual: 30 },
      { units: 630, usual: 210 },
    ]);
  });
});
