import { describe, expect, test } from "vitest";
import { makeUnitTable } from "../../../origin/aggregate/units/unit-table.ts";
import { unknownUnit, type Unit } from "../../../origin/aggregate/units/unit.ts";

describe("the unit table", () => {
  test("gives a new unit a slot without cohort and times", () => {
    const table = makeUnitTable(4_096);
    table.makeRoom(1);
    const found: Unit = { cohort: 0, exposedMs: 0, activatedMs: 0, returnedMs: 0 };
    table.read(table.insert(1, 2), found);
    expect(found).toEqual(unknownUnit());
  });

  test("counts the requests of a unit within one bucket, and from one again in another, and in all", () => {
    const table = makeUnitTable(4_096);
    table.makeRoom(1);
    const slot = table.insert(1, 2);
    const count = (bucketS: number) => {
      table.countRequest(slot, bucketS);
      const { inBucket, inTrial } = table.requests(slot, bucketS);
      return [inBucket, inTrial];
    };
    expect(table.requests(slot, 60)).toEqual({ inBucket: 0, inTrial: 0 });
    expect([60, 60, 60, 72, 60].map(count)).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [1, 4],
      [1, 5],
    ]);
    expect(table.requests(slot, 72)).toEqual({ inBucket: 0, inTrial: 5 });
    for (let i = 0; i < 5_000; i++) table.countRequest(slot, 60);
    expect(count(60)).toEqual([15, 4_095]);
    const found: Unit = { cohort: 0, exposedMs: 0, activatedMs: 0, returnedMs: 0 };
    table.read(slot, found);
    expect(found).toEqual(unknownUnit());
    expect([table.low(slot), table.high(slot)]).toEqual([1, 2]);
  });

  test("marks a unit as changed once until it is stored", () => {
    const table = makeUnitTable(4_096);
    table.makeRoom(1);
    const slot = table.insert(1, 2);
    expect([table.markChanged(slot), table.markChanged(slot)]).toEqual([true, false]);
    table.markStored(slot);
    expect(table.markChanged(slot)).toBe(true);
  });

  test("returns units as they were written, and keeps at least those of the last generation", () => {
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
