// How the fold divides its work and how long it pauses.
import { describe, expect, test } from "vitest";
import { isBehind, pauseAfter, splitIntoBatches } from "../../../origin/aggregate/pacing.ts";
import { SPAN_KEY_BYTES } from "../../../origin/span-log/record.ts";

const row = (records: number, seq = 0) => ({ seq, spanKeys: Buffer.alloc(records * SPAN_KEY_BYTES) });

describe("rows are split into batches", () => {
  const split = (records: readonly number[], most: number) =>
    splitIntoBatches(records.map(row), most).map((batch) => batch.map(({ seq }) => seq));

  test("of at most so many records, in their order", () => {
    expect(split([4, 4, 2, 9, 1], 10)).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });

  test("where a row that is larger alone is a batch of its own", () => {
    expect(split([3, 25, 3], 10)).toEqual([[0], [1], [2]]);
  });

  test("of which the first is not empty when its row is too large", () => {
    expect(split([25, 3], 10)).toEqual([[0], [1]]);
  });

  test("of 100,000 records, unless another number is given", () => {
    const batches = splitIntoBatches([row(60_000), row(40_000), row(1)]);
    expect(batches.map((batch) => batch.length)).toEqual([2, 1]);
  });

  test("of which there are none without rows", () => {
    expect(split([], 10)).toEqual([]);
  });
});

test("the fold is behind from 75,000 records on", () => {
  expect(isBehind([row(50_000), row(24_999)])).toBe(false);
  expect(isBehind([row(50_000), row(25_000)])).toBe(true);
});

describe("the fold pauses", () => {
  const pause = (tookMs: number, behind = false, lagSeconds = 0) =>
    pauseAfter({ tookMs, isBehind: behind, lagSeconds });

  test("three times as long as it worked, between 60 and 750 ms", () => {
    expect(pause(100)).toBe(300);
    expect(pause(1)).toBe(60);
    expect(pause(5_000)).toBe(750);
  });

  test("as long as it worked when it is behind", () => {
    expect(pause(900, true, 9.9)).toBe(900);
  });

  test("not at all when it is behind by ten seconds too", () => {
    expect(pause(900, true, 10)).toBe(0);
  });

  test("as ever when only others are behind, whose backlog it cannot reduce", () => {
    expect(pause(100, false, 60)).toBe(300);
  });
});
