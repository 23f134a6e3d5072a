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

  test("counts the requests of a unit within one bucket, and from one again in another", () => {
    const table = makeUnitTable(4_096);
    table.makeRoom(1);
    const slot = table.insert(1, 2);
    expect([60, 60, 60, 72, 60].map((bucketS) => table.countRequest(slot, bucketS))).toEqual([1, 2, 3, 1, 1]);
    for (let i = 0; i < 300; i++) table.countRequest(slot, 60);
    expect(table.countRequest(slot, 60)).toBe(255);
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
