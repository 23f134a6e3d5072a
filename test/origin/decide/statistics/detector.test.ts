import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BATCH_UNITS,
  logAlarm,
  updateDetector,
  type Detector,
} from "../../../../origin/decide/statistics/detector.ts";
import { expectEachExact, expectNear } from "../../../support/near.ts";

describe("the update of the e-detector, R ← (R + 1) · L", () => {
  test("begins with the first batch: 0 + 1 times its e-value", () => {
    expectEachExact(updateDetector([], [Math.log(3), Math.log(0.5)]), [Math.log(3), Math.log(0.5)]);
  });

  test("adds a new bet to what is there, and multiplies both by the batch's e-value", () => {
    // R = 3, L = 2: (3 + 1) · 2 = 8; R = 1/4, L = 1/5: (1/4 + 1) / 5 = 1/4
    expectEachExact(updateDetector([Math.log(3), Math.log(0.25)], [Math.log(2), Math.log(0.2)]), [
      Math.log(8),
      Math.log(0.25),
    ]);
  });

  test("is the sum over all batches of the products since then", () => {
    const eValue = fc.double({ min: 0.2, max: 5, noNaN: true });
    fc.assert(
      fc.property(fc.array(eValue, { minLength: 1, maxLength: 20 }), (batches) => {
        let detector: Detector = [];
        for (const one of batches) detector = updateDetector(detector, [Math.log(one)]);
        const sum = batches
          .map((_, from) => batches.slice(from).reduce((product, one) => product * one, 1))
          .reduce((total, one) => total + one, 0);
        expectNear(detector[0] ?? Number.NaN, Math.log(sum), 1e-12);
      }),
    );
  });

  test("neither overflows nor forgets its bet far away from 1", () => {
    expectEachExact(updateDetector([2_000, -2_000], [1, 1]), [2_001, 1]);
  });
});

describe("the alarm", () => {
  test("is the mean of the components, each with the same weight", () => {
    expectNear(logAlarm([Math.log(2), Math.log(4), Math.log(12)]), Math.log(6), 1e-15);
    expectNear(logAlarm([Math.log(5)]), Math.log(5), 1e-15);
  });

  test("is silent before the first batch", () => {
    expect(logAlarm([])).toBe(-Infinity);
  });
});

test("a batch is fifty units", () => {
  expect(BATCH_UNITS).toBe(50);
});
