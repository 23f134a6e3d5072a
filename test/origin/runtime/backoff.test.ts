import * as fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "../../../origin/runtime/backoff.ts";

const limits = { firstMs: 50, mostMs: 5_000 };
const longest = () => 1;
const shortest = () => 0;

test("the pause doubles with each attempt until it is the longest that is allowed", () => {
  const pauses = [0, 1, 2, 6, 7, 30, 1_000].map((attempts) => backoffMs(attempts, limits, longest));
  expect(pauses).toEqual([50, 100, 200, 3_200, 5_000, 5_000, 5_000]);
});

test("chance takes up to half of the pause, so that many do not come back together", () => {
  expect(backoffMs(3, limits, shortest)).toBe(200);
  expect(backoffMs(3, limits, () => 0.5)).toBe(300);
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, chance) => {
      const pause = backoffMs(attempts, limits, () => chance);
      expect(pause).toBeGreaterThanOrEqual(limits.firstMs / 2);
      expect(pause).toBeLessThanOrEqual(limits.mostMs);
    }),
  );
});
