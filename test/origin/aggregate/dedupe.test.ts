// De-duplication of spans, against plain sets.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeDedupe } from "../../../origin/aggregate/batch/dedupe.ts";

const word = fc.integer({ min: 1, max: 2 ** 32 - 1 });

/** Spread over all 32 bits, as the halves of a hash are. */
const spread = (i: number): number => Math.imul(i, 0x9e3779b1) >>> 0;

describe("de-duplication", () => {
  test("finds the keys that were added within ten minutes, and no others", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { maxLength: 300 }), (keys) => {
        const dedupe = makeDedupe(1_000_000);
        const seen = new Set<string>();
        for (const [i, [low, high]] of [...keys, ...keys].entries()) {
          const name = `${low} ${high}`;
          expect(dedupe.add(low, high, i * 1_000)).toBe(!seen.has(name));
          seen.add(name);
        }
      }),
    );
  });

  test("remembers ten minutes under a steady load and forgets afterwards", () => {
    const dedupe = makeDedupe(10_000_000);
    for (let i = 0; i < 400_000; i++) dedupe.add(i + 1, spread(i), i * 5);
    const nowMs = 400_000 * 5;
    const tenMinutesAgo = (nowMs - 600_000) / 5;
    for (let i = tenMinutesAgo; i < 400_000; i += 97) expect(dedupe.add(i + 1, spread(i), nowMs)).toBe(false);
    expect(dedupe.add(1, spread(0), nowMs)).toBe(true);
    expect(dedupe.size()).toBeLessThan(160_000);
  });

  test("remembers all keys when they come partition by partition, ten minutes each, as after a restart", () => {
    const dedupe = makeDedupe(10_000_000);
    const keys = Array.from({ length: 400_000 }, (_, i) => ({ low: i + 1, atMs: (i % 100_000) * 6 }));
    const isNew = keys.filter(({ low, atMs }) => dedupe.add(low, spread(low), atMs));
    expect(isNew).toHaveLength(400_000);
    expect(keys.filter(({ low }) => dedupe.add(low, spread(low), 660_000))).toEqual([]);
  });

  test("holds no more keys than it may", () => {
    const dedupe = makeDedupe(50_000);
    for (let i = 0; i < 300_000; i++) dedupe.add(i + 1, spread(i), i);
    expect(dedupe.size()).toBeLessThanOrEqual(50_000);
  });
});
