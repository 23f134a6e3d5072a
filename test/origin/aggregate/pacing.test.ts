// How the fold divides its work and how long it pauses.
import { describe, expect, test } from "vitest";
import { isBehind, pauseAfter, splitIntoBatches } from "../../../origin/aggregate/pacing.ts";
import { SPAN_KEY_BYTES } from "../../../origin/span-log/record.ts";

const row = (records: number, seq = 0) => ({ seq, spanKeys: Buffer.alloc(records * SPAN_KEY_BYTES) });
/** of a stream of its own */
const rowOf = (records: number, writer: number) => ({ ...row(records), partition: 0, writer });

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

describe("the fold is behind", () => {
  test("as soon as 75,000 records wait", () => {
    expect(isBehind([rowOf(24_999, 1), rowOf(24_999, 2), rowOf(24_999, 3)])).toBe(false);
    expect(isBehind([rowOf(24_999, 1), rowOf(24_999, 2), rowOf(24_999, 3), rowOf(3, 4)])).toBe(true);
  });

  test("when one stream gave as many records as are read of it at once, or as many rows", () => {
    expect(isBehind([rowOf(20_000, 1), rowOf(4_999, 1), rowOf(20_000, 2)])).toBe(false);
    expect(isBehind([rowOf(20_000, 1), rowOf(5_000, 1)])).toBe(true);
    const rows = Array.from({ length: 399 }, () => rowOf(1, 1));
    expect(isBehind([...rows, rowOf(1, 2)])).toBe(false);
    expect(isBehind([...rows, rowOf(1, 1)])).toBe(true);
  });
});

describe("the fold pauses", () => {
  const pause = (tookMs: number, behind = false, lagSeconds = 0) =>
    pauseAfter({ tookMs, isBehind: behind, lagSeconds, databases: 1, emptyRounds: 0 });
  const shortest = (databases: number, emptyRounds: number) =>
    pauseAfter({ tookMs: 1, isBehind: false, lagSeconds: 0, databases, emptyRounds });

  test("three times as long as it worked, between 60 and 750 ms", () => {
    expect(pause(100)).toBe(300);
    expect(pause(1)).toBe(60);
    expect(pause(5_000)).toBe(750);
  });

  test("so that its rounds in several databases are no more than those in one", () => {
    expect([1, 2, 3].map((databases) => shortest(databases, 0))).toEqual([60, 120, 180]);
    expect(shortest(30, 0)).toBe(750);
  });

  test("longer while nothing comes, and as ever with the first row", () => {
    expect([0, 1, 2, 3, 1_000].map((rounds) => shortest(1, rounds))).toEqual([60, 120, 240, 240, 240]);
    expect([0, 1, 2, 3].map((rounds) => shortest(3, rounds))).toEqual([180, 180, 240, 240]);
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
