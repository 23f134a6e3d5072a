import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  countAbove,
  decodeSketch,
  emptySketch,
  encodeSketch,
  mergeEncoded,
  quantile,
  recordLatency,
  totalOf,
} from "../../shared/telemetry/latency-sketch.ts";

const latency = fc.double({ min: 0.001, max: 4_000_000, noNaN: true });
const latencies = fc.array(latency, { minLength: 1, maxLength: 400 });

const sketchOf = (values: readonly number[]) => {
  const sketch = emptySketch();
  for (const value of values) recordLatency(sketch, value);
  return sketch;
};

describe("latency sketch", () => {
  test("a quantile is within 1.1 % of the exact nearest-rank quantile", () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
        const found = quantile(sketchOf(values), q) ?? Number.NaN;
        expect(Math.abs(found - exact) / exact).toBeLessThan(0.011);
      }),
    );
  });

  test("the count above a threshold is never too high, and low only by what lies within 2.2 % above it", () => {
    fc.assert(
      fc.property(latencies, latency, (values, thresholdMs) => {
        const found = countAbove(encodeSketch(sketchOf(values)), thresholdMs);
        expect(found).toBeLessThanOrEqual(values.filter((value) => value > thresholdMs).length);
        expect(found).toBeGreaterThanOrEqual(values.filter((value) => value > thresholdMs * 1.022).length);
      }),
    );
  });

  test("a latency equal to the threshold is not above it, even where a bin begins", () => {
    for (const edge of [1, 2, 4, 256, 1024]) expect(countAbove(encodeSketch(sketchOf([edge])), edge)).toBe(0);
  });

  test("storing and reading gives the same sketch, and merged parts equal the whole", () => {
    fc.assert(
      fc.property(latencies, latencies, (left, right) => {
        const merged = decodeSketch(encodeSketch(sketchOf(left)));
        mergeEncoded(merged, encodeSketch(sketchOf(right)));
        expect(merged).toEqual(sketchOf([...left, ...right]));
      }),
    );
  });

  test("latencies beyond the range count in the first and the last bin", () => {
    const sketch = sketchOf([0, -5, Number.NaN, 1e-9, 1e12]);
    expect(totalOf(sketch)).toBe(5);
    expect(countAbove(encodeSketch(sketch), 3_600_000)).toBe(1);
    expect(quantile(emptySketch(), 0.95)).toBeNull();
  });

  test("counts up to 32 bits survive", () => {
    const sketch = emptySketch();
    sketch[500] = 2 ** 32 - 1;
    expect(decodeSketch(encodeSketch(sketch))).toEqual(sketch);
  });

  test("a bin spans a 32nd of an octave, and a quantile is its geometric middle", () => {
    expect(emptySketch()).toHaveLength(32 * 32);
    expect(quantile(sketchOf([1]), 0.5)).toBeCloseTo(2 ** (-1 / 64), 12);
    expect(quantile(sketchOf([1, 1, 1, 2]), 0.75)).toBeCloseTo(2 ** (-1 / 64), 12);
    expect(quantile(sketchOf([1, 1, 1, 2]), 0.76)).toBeCloseTo(2 ** (1 - 1 / 64), 12);
  });

  test("the first bin begins at 2^-10 ms, the last one ends at 2^22 ms", () => {
    expect(quantile(sketchOf([0]), 0.5)).toBeCloseTo(2 ** (-10 + 1 / 64), 12);
    expect(quantile(sketchOf([1e12]), 0.5)).toBeCloseTo(2 ** (22 - 1 / 64), 6);
  });

  test("the lowest quantile is the lowest latency, not the lowest bin", () => {
    const found = quantile(sketchOf([100, 200]), 0) ?? 0;
    expect(Math.abs(found - 100)).toBeLessThan(1.1);
  });

  test("a bin that lies just above a threshold at its edge is counted", () => {
    expect(countAbove(encodeSketch(sketchOf([256, 257])), 256)).toBe(1);
  });

  test("latencies below the first bin are above no threshold, those of the second bin above a tiny one", () => {
    expect(countAbove(encodeSketch(sketchOf([0.000_01])), 0.000_5)).toBe(0);
    expect(countAbove(encodeSketch(sketchOf([2 ** (-10 + 1.5 / 32)])), 0.000_5)).toBe(1);
  });

  test("the stored form has a format byte, then skipped bins and count of each bin that holds something", () => {
    const stored = (counts: Record<number, number>) => {
      const sketch = emptySketch();
      for (const [position, count] of Object.entries(counts)) sketch[Number(position)] = count;
      expect(decodeSketch(encodeSketch(sketch))).toEqual(sketch);
      return [...encodeSketch(sketch)];
    };
    expect(stored({})).toEqual([1]);
    expect(stored({ 0: 5 })).toEqual([1, 0, 5]);
    expect(stored({ 3: 127, 5: 128 })).toEqual([1, 3, 127, 1, 0x80, 1]);
    expect(stored({ 319: 1, 1_023: 2 })).toEqual([1, 0xbf, 2, 1, 0xbf, 5, 2]);
  });

  test("bytes that are no sketch are refused for what is wrong with them", () => {
    const decode =
      (...bytes: number[]) =>
      () =>
        decodeSketch(Uint8Array.from(bytes));
    expect(decode(9)).toThrow("unknown format 9");
    expect(decode(1, 0x80)).toThrow("ends too early");
    expect(decode(1, 0)).toThrow("ends too early");
    expect(decode(1, 0x80, 8, 1)).toThrow("a bin beyond the last");
    expect(decode(1, 0, 255, 255, 255, 255, 255, 1)).toThrow("a count above 32 bits");
  });

  test("bytes that are no sketch are refused", () => {
    for (const bytes of [[], [9], [1, 0x80], [1, 0], [1, 0xff, 0x7f, 1], [1, 0, 255, 255, 255, 255, 255, 1]])
      expect(() => decodeSketch(Uint8Array.from(bytes))).toThrow(/sketch/);
  });
});
