import { expect, test } from "vitest";
import { makeUnitFilter, readUnitFilter } from "../../../origin/aggregate/units/unit-filter.ts";
import { viewOf } from "../../../origin/span-log/bytes.ts";
import { hash64 } from "../../../origin/span-log/hash.ts";

const keyOf = (n: number): { low: number; high: number } => {
  const key = { low: 0, high: 0 };
  const bytes = Buffer.from(`unit ${n}`);
  hash64(viewOf(bytes), 0, bytes.length, 1, 2, key);
  return { low: key.low >>> 0, high: key.high >>> 0 };
};

test("a filter, also one that was stored, may hold every unit that was added, and less than 1 % of others", () => {
  const made = makeUnitFilter(20_000);
  for (let n = 0; n < 20_000; n++) made.add(keyOf(n).low, keyOf(n).high);
  for (const filter of [made, readUnitFilter(made.stored())]) {
    let wrong = 0;
    for (let n = 0; n < 40_000; n++) {
      const answer = filter.mayHold(keyOf(n).low, keyOf(n).high);
      if (n < 20_000) expect(answer).toBe(true);
      else if (answer) wrong++;
    }
    expect(wrong / 20_000).toBeLessThan(0.01);
  }
});
