import { array, assert, constantFrom, integer, nat, property, record } from "fast-check";
import { expect, test } from "vitest";
import { makeBodyBudget, type Reservation } from "../../../origin/ingest/body-budget.ts";

test("one client alone gets half; one that comes next has room, however much the first one asks for", () => {
  const budget = makeBodyBudget({ maxBytes: 64, usedElsewhere: () => 0 });
  const greedy = Array.from({ length: 20 }, () => budget.reserve("a", 8)).filter(Boolean);
  expect(greedy).toHaveLength(4);
  expect(budget.reserve("b", 8)).toBeDefined();
  expect(budget.reserve("c", 8)).toBeDefined();
  for (const reservation of greedy) reservation?.release();
  expect(Array.from({ length: 20 }, () => budget.reserve("d", 8)).filter(Boolean)).toHaveLength(2);
});

test("a body that is larger than a share is taken from a client that has no other", () => {
  const budget = makeBodyBudget({ maxBytes: 64, usedElsewhere: () => 10 });
  const large = budget.reserve("a", 1);
  expect(large?.resize(54)).toBe(true);
  expect(large?.resize(55)).toBe(false);
  expect(budget.reserve("b", 1)).toBeUndefined();
  large?.release();
  expect(budget.reserve("b", 54)).toBeDefined();
});

test("whatever is reserved, resized and released in any order, the sum never exceeds the bound, and all of it comes back", () => {
  const step = record({
    client: constantFrom("a", "b", "c"),
    kind: constantFrom("reserve", "resize", "release"),
    bytes: integer({ min: 0, max: 40 }),
    at: nat(20),
  });
  assert(
    property(array(step, { maxLength: 60 }), (steps) => {
      const budget = makeBodyBudget({ maxBytes: 64, usedElsewhere: () => 0 });
      const held: { reservation: Reservation; bytes: number }[] = [];
      for (const { client, kind, bytes, at } of steps) {
        const one = held[at % Math.max(1, held.length)];
        if (kind === "reserve") {
          const reservation = budget.reserve(client, bytes);
          if (reservation !== undefined) held.push({ reservation, bytes });
        } else if (one !== undefined && kind === "resize") {
          if (one.reservation.resize(bytes)) one.bytes = bytes;
          else expect(bytes).toBeGreaterThan(one.bytes);
        } else if (one !== undefined) {
          one.reservation.release();
          held.splice(held.indexOf(one), 1);
        }
        expect(held.reduce((sum, { bytes: size }) => sum + size, 0)).toBeLessThanOrEqual(64);
      }
      for (const { reservation } of held) reservation.release();
      expect(budget.reserve("a", 64)).toBeDefined();
    }),
  );
});
