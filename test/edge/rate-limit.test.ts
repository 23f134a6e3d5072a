import { expect, test } from "vitest";
import { makeRateLimit } from "../../edge/routes/rate-limit.ts";
import { UnitId } from "../../shared/ids.ts";

const unit = (name: string): UnitId => UnitId.parse(name);
const sendAll = (count: number, send: () => boolean): number =>
  Array.from({ length: count }, send).filter(Boolean).length;

test("a unit may send 20 times in 10 s, and again in the next window", () => {
  const isAllowed = makeRateLimit();
  expect(sendAll(25, () => isAllowed(unit("a"), 0))).toBe(20);
  expect(isAllowed(unit("a"), 9_999)).toBe(false);
  expect(sendAll(25, () => isAllowed(unit("a"), 10_000))).toBe(20);
});

test("units do not count for each other", () => {
  const isAllowed = makeRateLimit();
  sendAll(25, () => isAllowed(unit("a"), 0));
  expect(isAllowed(unit("b"), 0)).toBe(true);
});

test("counts are bounded: with ten thousand units counting begins anew", () => {
  const isAllowed = makeRateLimit();
  sendAll(25, () => isAllowed(unit("a"), 0));
  for (let i = 0; i < 10_000; i++) isAllowed(unit(`unit-${i}`), 0);
  expect(isAllowed(unit("a"), 0)).toBe(true);
});
