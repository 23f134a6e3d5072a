import { describe, expect, test } from "vitest";
import { makeUnitTable } from "../../../origin/aggregate/units/unit-table.ts";
import type { Unit } from "../../../origin/aggregate/units/unit.ts";

describe("the unit table", () => {
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
