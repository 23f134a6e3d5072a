import { expect, test } from "vitest";
import { makeTurns } from "../../edge/turns.ts";

test("while a turn lasts no other request gets one", () => {
  const takeTurn = makeTurns();
  expect(takeTurn(1_000, 2_000)?.isMine()).toBe(true);
  expect(takeTurn(1_999, 5_000)).toBe(null);
});

test("a request that comes after the end of a turn takes over, and the first one hears of it", () => {
  const takeTurn = makeTurns();
  const first = takeTurn(1_000, 2_000);
  const second = takeTurn(2_000, 3_000);
  expect([first?.isMine(), second?.isMine()]).toEqual([false, true]);
});

test("a turn can be held longer or ended, but only by the request that has it", () => {
  const takeTurn = makeTurns();
  const first = takeTurn(1_000, 2_000);
  first?.holdUntil(4_000);
  expect(takeTurn(3_999, 9_000)).toBe(null);
  const second = takeTurn(4_000, 6_000);
  first?.holdUntil(99_000);
  first?.end();
  expect(takeTurn(5_999, 9_000)).toBe(null);
  second?.end();
  expect(takeTurn(5_000, 9_000)?.isMine()).toBe(true);
});
