// How many units a decision takes; the numbers are computed by mpmath at 40 digits, and are those of the decision rule's
// published table within what a simulation's median can differ from them.
import { describe, expect, test } from "vitest";
import {
  smallestDetectable,
  smallestReaching,
  unitsToKeep,
  unitsToRollback,
} from "../../../origin/decide/planning/power.ts";
import {
  bucketsNeeded,
  isSufficient,
  requestsNeeded,
  usersNeeded,
} from "../../../origin/decide/planning/sufficiency.ts";

describe("units to a rollback at a threshold of 15 %", () => {
  test.each([
    { bar: 2500, ratio: 0.5, units: 353 },
    { bar: 2500, ratio: 0.7, units: 1062 },
    { bar: 2500, ratio: 0.8, units: 2497 },
    { bar: 6250, ratio: 0.5, units: 390 },
    { bar: 6250, ratio: 0.7, units: 1173 },
    { bar: 6250, ratio: 0.8, units: 2754 },
  ])("are $units at a bar of $bar and $ratio of the threshold", ({ bar, ratio, units }) => {
    expect(unitsToRollback({ threshold: 0.15, logBar: Math.log(bar) }, ratio * 0.15)).toBe(units);
  });

  test("are 713 beside a holdout as large as treatment, at half its rate", () => {
    const planned = { threshold: 0.15, logBar: Math.log(6250), holdoutPerUnit: 1 };
    expect(unitsToRollback(planned, 0.075)).toBe(713);
  });

  test("are 1,682 beside a holdout of a quarter of treatment", () => {
    const planned = { threshold: 0.15, logBar: Math.log(6250), holdoutPerUnit: 0.25 };
    expect(unitsToRollback(planned, 0.075)).toBe(1682);
  });

  test("are 385 with a prior of Beta(2, 8)", () => {
    const planned = { threshold: 0.15, logBar: Math.log(6250), prior: { alpha: 2, beta: 8 } };
    expect(unitsToRollback(planned, 0.075)).toBe(385);
  });

  test("are never enough for a rate that meets the threshold", () => {
    const planned = { threshold: 0.15, logBar: -1 };
    expect(unitsToRollback(planned, 0.15)).toBeNull();
    expect(unitsToRollback(planned, 0.2)).toBeNull();
  });

  test("are fewer by those that were seen already", () => {
    const planned = { threshold: 0.15, logBar: Math.log(2500) };
    expect(unitsToRollback(planned, 0.075, { n: 200, s: 15 })).toBe(153);
  });
});

test.each([
  { ratio: 2, units: 57 },
  { ratio: 1.5, units: 211 },
  { ratio: 1.3, units: 555 },
])("a rate of $ratio times a threshold of 15 % is proven by $units units", ({ ratio, units }) => {
  expect(unitsToKeep({ threshold: 0.15, logBar: Math.log(20) }, ratio * 0.15)).toBe(units);
});

test("a rate of twice a threshold of 15 % is proven by 53 units with a prior of Beta(2, 8)", () => {
  const planned = { threshold: 0.15, logBar: Math.log(20), prior: { alpha: 2, beta: 8 } };
  expect(unitsToKeep(planned, 0.3)).toBe(53);
});

test("no number of units proves a rate that does not exceed the threshold", () => {
  const planned = { threshold: 0.15, logBar: -1 };
  expect(unitsToKeep(planned, 0.15)).toBeNull();
  expect(unitsToKeep(planned, 0.1)).toBeNull();
});

test("26,000 units show a rate of 13.935 % at a threshold of 15 %, and few or none show no rate", () => {
  const planned = { threshold: 0.15, logBar: Math.log(6250) };
  expect(smallestDetectable(planned, 26_000)).toBeCloseTo(0.13935002291621038, 12);
  for (const units of [0, 1, 50]) expect(smallestDetectable(planned, units)).toBeNull();
  expect(smallestDetectable({ ...planned, logBar: -1 }, 0)).toBeNull();
  expect(smallestDetectable({ ...planned, logBar: 0.05 }, 1)).not.toBeNull();
});

test("the smallest number that reaches the bar is found, from 1 on, or none", () => {
  expect(smallestReaching((n) => n, 1)).toBe(1);
  expect(smallestReaching((n) => n, 1000.5)).toBe(1001);
  expect(smallestReaching(() => 0, 1)).toBeNull();
});

describe("a calibration needs", () => {
  test("as many users as half of the threshold takes, and at least minCohortSize", () => {
    const planned = { threshold: 0.15, logBar: Math.log(6250) };
    expect(usersNeeded(planned, 100)).toBe(390);
    expect(usersNeeded(planned, 5000)).toBe(5000);
  });

  test("no number of users beside an empty holdout", () => {
    expect(usersNeeded({ threshold: 0.15, logBar: 5, holdoutPerUnit: 0 }, 100)).toBeNull();
    expect(isSufficient({ unit: "users", have: 1e9, needed: null })).toBe(false);
  });

  test("230 buckets to see twice the allowed share of slow requests at a bar of 25,000 : 1", () => {
    expect(bucketsNeeded(0.05, Math.log(25_000))).toBe(230);
  });

  test("13,432 requests for that beside a holdout as large, and no number beside an empty one", () => {
    expect(requestsNeeded(0.05, Math.log(25_000), 1)).toBe(13_432);
    expect(requestsNeeded(0.05, Math.log(25_000), 0)).toBeNull();
    expect(requestsNeeded(0.05, Math.log(25_000), 0.25)).toBe(35_558);
  });

  test("no number of buckets where every request may be bad", () => {
    expect(bucketsNeeded(1, Math.log(25_000))).toBeNull();
  });

  test("exactly the needed number is enough", () => {
    expect(isSufficient({ unit: "users", have: 389, needed: 390 })).toBe(false);
    expect(isSufficient({ unit: "users", have: 390, needed: 390 })).toBe(true);
  });
});
