// What the fold keeps in memory, against plain maps and sets.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeDedupe } from "../../origin/aggregate/batch/dedupe.ts";
import {
  applyObservation,
  NO_COHORT,
  type Observation,
  type Unit,
} from "../../origin/aggregate/units/unit.ts";
import { makeUnitTable } from "../../origin/aggregate/units/unit-table.ts";
import { partitionOf } from "../../origin/span-log/unit-key.ts";
import { hash64 } from "../../origin/span-log/hash.ts";
import { viewOf } from "../../origin/span-log/bytes.ts";

const word = fc.integer({ min: 1, max: 2 ** 32 - 1 });

/** Spread over all 32 bits, as the halves of a hash are. */
const spread = (i: number): number => Math.imul(i, 0x9e3779b1) >>> 0;

describe("de-duplication", () => {
  test("finds what was added within ten minutes, and only that", () => {
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

  test("remembers all of them when they come partition by partition, ten minutes each, as after a restart", () => {
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

describe("the table of units", () => {
  test("gives back what was written, and knows at least the units of the last generation", () => {
    const table = makeUnitTable(4_096);
    const unit: Unit = { cohort: 1, exposedMs: 0, activatedMs: Infinity, returnedMs: Infinity };
    for (let i = 0; i < 20_000; i++) {
      table.makeRoom(1);
      expect(table.find(i, i * 31)).toBe(-1);
      table.write(table.insert(i, i * 31), { ...unit, exposedMs: i });
    }
    for (let i = 18_000; i < 20_000; i++) {
      table.makeRoom(1);
      const slot = table.find(i, i * 31);
      expect(slot).toBeGreaterThanOrEqual(0);
      const found: Unit = { cohort: 0, exposedMs: 0, activatedMs: 0, returnedMs: 0 };
      table.read(slot, found);
      expect(found).toEqual({ ...unit, exposedMs: i });
    }
    expect(table.find(0, 0)).toBe(-1);
  });
});

const evidence = fc.record<Observation>({
  cohort: fc.constantFrom(0, 1),
  atMs: fc.integer({ min: 1, max: 100_000 }),
  activated: fc.boolean(),
  returned: fc.constant(false),
});

const unitAfter = (all: readonly Observation[]): Unit => {
  const unit: Unit = { cohort: NO_COHORT, exposedMs: Infinity, activatedMs: Infinity, returnedMs: Infinity };
  for (const one of all) applyObservation(unit, one, 10_000);
  return unit;
};

describe("evidence about a unit", () => {
  test("first exposure and first action do not depend on its order, nor on seeing it twice", () => {
    fc.assert(
      fc.property(
        fc.array(evidence, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (all, random) => {
          const shuffled = [...all, ...all]
            .map((one) => ({ one, order: random.next().value }))
            .toSorted((a, b) => a.order - b.order)
            .map(({ one }) => one);
          const [straight, mixed] = [unitAfter(all), unitAfter(shuffled)];
          expect([mixed.exposedMs, mixed.activatedMs]).toEqual([straight.exposedMs, straight.activatedMs]);
          expect(straight.exposedMs).toBe(Math.min(...all.map(({ atMs }) => atMs)));
        },
      ),
    );
  });

  test("in order, the return is the first visit late enough after the exposure", () => {
    fc.assert(
      fc.property(fc.array(evidence, { minLength: 1, maxLength: 12 }), (all) => {
        const ordered = all.toSorted((a, b) => a.atMs - b.atMs);
        const exposedMs = ordered[0]?.atMs ?? 0;
        const late = ordered.find(({ atMs }) => atMs - exposedMs >= 10_000);
        expect(unitAfter(ordered).returnedMs).toBe(late?.atMs ?? Infinity);
      }),
    );
  });
});

test("ids that differ little have different hashes, spread evenly", () => {
  const out = { low: 0, high: 0 };
  const seen = new Set<string>();
  const partitions = [0, 0, 0, 0];
  for (let i = 0; i < 200_000; i++) {
    const bytes = Buffer.from(`user-${i}`);
    hash64(viewOf(bytes), 0, bytes.length, 1, 2, out);
    seen.add(`${out.low}:${out.high}`);
    const partition = partitionOf(out.low);
    partitions[partition] = (partitions[partition] ?? 0) + 1;
  }
  expect(seen.size).toBe(200_000);
  // Chi-square with 3 degrees of freedom; 16.3 is its 99.9 % point, and the hash is fixed.
  expect(partitions.reduce((sum, count) => sum + (count - 50_000) ** 2 / 50_000, 0)).toBeLessThan(16.3);
});
