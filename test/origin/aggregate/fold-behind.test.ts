import { expect, test } from "vitest";
import { foldBehind } from "../../../origin/aggregate/fold-behind.ts";

test("a process that is there to fold is not ready while nothing is decided because of its lag", () => {
  const folds = { takesTelemetry: false };
  expect(foldBehind(60, folds)).toEqual([]);
  expect(foldBehind(61.4, folds)).toEqual([
    "fold: it is 61 s behind what was acknowledged, and nothing is decided meanwhile",
  ]);
  expect(foldBehind(null, folds)).toEqual([]);
});

test("a process that takes telemetry too is not turned away for a lag", () => {
  expect(foldBehind(3_600, { takesTelemetry: true })).toEqual([]);
});
