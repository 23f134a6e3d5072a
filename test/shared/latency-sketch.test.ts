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

  test("bytes that are no sketch are refused", () => {
    for (const bytes of [[], [9], [1, 0x80], [1, 0], [1, 0xff, 0x7f, 1], [1, 0, 255, 255, 255, 255, 255, 1]])
      expect(() => decodeSketch(Uint8Array.from(bytes))).toThrow(/sketch/);
  });
});
