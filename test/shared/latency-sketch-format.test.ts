import { describe, expect, test } from "vitest";
import {
  countAbove,
  decodeSketch,
  emptySketch,
  encodeSketch,
  quantile,
  recordLatency,
  type Sketch,
} from "../../shared/telemetry/latency-sketch.ts";
import { expectNear } from "../support/near.ts";

const sketchOf = (...values: readonly number[]): Sketch => {
  const sketch = emptySketch();
  for (const value of values) recordLatency(sketch, value);
  return sketch;
};

/** The geometric middle of the bin that ends at `upper` ms: bins grow by 2^(1/32). */
const middleBelow = (upper: number): number => upper * 2 ** (-1 / 64);

describe("the bins are those of OpenTelemetry's scale 5", () => {
  test("a bin ends with its upper bound: a power of two is in the bin below it", () => {
    for (const ms of [0.5, 1, 2, 1_024]) expectNear(quantile(sketchOf(ms), 0.5) ?? 0, middleBelow(ms), 1e-9);
  });

  test("an octave has 32 bins", () => {
    const sketch = sketchOf(...Array.from({ length: 32 }, (_, i) => 2 ** ((i + 0.5) / 32)));
    expect(sketch.filter((count) => count === 1)).toHaveLength(32);
    expectNear(quantile(sketch, 1) ?? 0, middleBelow(2), 1e-9);
  });

  test("the first holds everything up to 2^-10 ms, the last everything above 2^22 ms less a bin", () => {
    for (const tiny of [0, -1, 1e-9, 2 ** -10, 2 ** -10 * 1.01]) expect(sketchOf(tiny)[0]).toBe(1);
    expect(sketchOf(2 ** -10 * 1.03)[1]).toBe(1);
    const smallest = quantile(sketchOf(0), 0.5) ?? 0;
    const largest = quantile(sketchOf(1e15), 0.5) ?? 0;
    expectNear(smallest, 2 ** -10 * 2 ** (1 / 64), 1e-9);
    expectNear(largest, middleBelow(2 ** 22), 1e-3);
    expect(emptySketch()).toHaveLength(1_024);
  });
});

describe("a quantile", () => {
  test("is the value of the nearest rank", () => {
    const sketch = sketchOf(1, 2, 4, 8);
    const found = [0, 0.25, 0.26, 0.5, 0.75, 0.76, 1].map((q) => quantile(sketch, q) ?? 0);
    for (const [at, ms] of [1, 1, 2, 2, 4, 8, 8].entries()) expectNear(found[at] ?? 0, middleBelow(ms), 1e-9);
  });
});

describe("the stored form", () => {
  test("is a format byte, and for each bin in use the bins skipped and its count", () => {
    const sketch = emptySketch();
    sketch[0] = 1;
    sketch[1] = 127;
    sketch[3] = 128;
    sketch[1_023] = 300;
    // 1: the format. (0, 1), (0, 127), (1, 128 = 0x80 0x01), (1019 = 0xfb 0x07, 300 = 0xac 0x02)
    const bytes = [1, 0, 1, 0, 127, 1, 0x80, 1, 0xfb, 7, 0xac, 2];
    expect([...encodeSketch(sketch)]).toEqual(bytes);
    expect(decodeSketch(Uint8Array.from(bytes))).toEqual(sketch);
    expect([...encodeSketch(emptySketch())]).toEqual([1]);
  });

  test.each([
    { title: "is of another format", bytes: [9, 0, 1], reason: /format 9/ },
    { title: "is empty", bytes: [], reason: /format undefined/ },
    { title: "ends within a number", bytes: [1, 0x80], reason: /too early/ },
    { title: "ends before a count", bytes: [1, 0], reason: /too early/ },
    { title: "holds a count of six bytes", bytes: [1, 0, 255, 255, 255, 255, 255, 1], reason: /32 bits/ },
    { title: "holds a bin beyond the last", bytes: [1, 0x80, 8, 1], reason: /beyond the last/ },
  ])("is refused when it $title", ({ bytes, reason }) => {
    expect(() => decodeSketch(Uint8Array.from(bytes))).toThrow(reason);
  });

  test("may hold the last bin", () => {
    expect(decodeSketch(Uint8Array.from([1, 0xff, 7, 5]))[1_023]).toBe(5);
  });
});

describe("the count above a threshold", () => {
  const above = (thresholdMs: number, ...values: readonly number[]) =>
    countAbove(encodeSketch(sketchOf(...values)), thresholdMs);

  test("has the bins that lie entirely above it, the next one included", () => {
    expect(above(1, 1, 1.01)).toBe(1);
    // Between two edges: the threshold's own bin is not counted, though a part of it is above.
    expect(above(1.005, 1.01, 1.03)).toBe(1);
  });

  test("never has the first bin, where everything too small is", () => {
    expect(above(0, 0, 5)).toBe(1);
    expect(above(1e-9, 0, 5)).toBe(1);
  });

  test("has the second bin under a threshold in the first", () => {
    expect(above(0, 2 ** -10 * 2 ** (1.5 / 32))).toBe(1);
  });
});
