import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forecastRule } from "../../../origin/decide/planning/forecast.ts";
import { smallestDetectable, unitsToKeep, unitsToRollback } from "../../../origin/decide/planning/power.ts";
import { gridLogEvidence } from "../../../origin/decide/statistics/rate-evidence.ts";
import { forecastText } from "../../../origin/cli/forecast-text.ts";
import { Rule } from "../../../shared/features/rule.ts";

const BAR = Math.log(6250);
const thresholds = fc.double({ min: 0.01, max: 0.9, noNaN: true });

describe("planning", () => {
  test("time to detect is the smallest number of units whose evidence reaches the bar", () => {
    fc.assert(
      fc.property(thresholds, fc.double({ min: 0.2, max: 0.9, noNaN: true }), (threshold, ratio) => {
        const rate = ratio * threshold;
        const units = unitsToRollback({ threshold, logBar: BAR }, rate) ?? Number.NaN;
        expect(gridLogEvidence({ n: units, s: units * rate }, threshold)).toBeGreaterThanOrEqual(BAR);
        const fewer = units - 1;
        expect(gridLogEvidence({ n: fewer, s: fewer * rate }, threshold)).toBeLessThan(BAR);
      }),
    );
  });

  test("the smallest detectable effect is detected within its units, and nothing smaller is", () => {
    fc.assert(
      fc.property(thresholds, fc.integer({ min: 2_000, max: 1_000_000 }), (threshold, units) => {
        const planned = { threshold, logBar: BAR };
        const rate = smallestDetectable(planned, units) ?? Number.NaN;
        expect(unitsToRollback(planned, rate)).toBeLessThanOrEqual(units);
        const better = rate + (threshold - rate) * 0.01;
        expect(unitsToRollback(planned, better) ?? Infinity).toBeGreaterThan(units);
      }),
    );
  });

  test("a feature at its threshold is never decided", () => {
    const planned = { threshold: 0.15, logBar: BAR };
    expect(unitsToRollback(planned, 0.15)).toBeNull();
    expect(unitsToKeep(planned, 0.15)).toBeNull();
  });

  test("a rate twice a small threshold is kept", () => {
    expect(unitsToKeep({ threshold: 0.02, logBar: Math.log(20) }, 0.04)).toBeLessThan(1_000);
  });

  test("a rule's forecast names users, time from launch, and what it cannot see before the deadline", () => {
    const rule = Rule.parse({
      featureId: "feat_planned",
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      latencyP95Threshold: 200,
      minCohortSize: 5000,
      evaluationWindowSeconds: 14_400,
    });
    const [activation, retention] = forecastRule(rule, { usersPerDay: 2000, holdoutUsersPerDay: 0 });
    expect(activation).toMatchObject({
      signal: "activation",
      bar: expect.closeTo(6250, 6),
      smallestDetectable: null,
    });
    expect(activation?.rollback[0]).toMatchObject({ rate: 0.075, users: 5000, withinDeadline: false });
    expect(retention?.windowSeconds).toBe(604_800);
    const text = forecastText(activation === undefined ? [] : [activation]);
    expect(text).toContain("a rollback needs evidence of 6,250 : 1");
    expect(text).toContain("nothing matures before the deadline");
  });

  test("beside a holdout a rollback needs the more treatment users the smaller the holdout is, and never comes without one", () => {
    const planned = { threshold: 0.15, logBar: BAR };
    const users = [4, 1, 0.25, 0.05].map((holdoutPerUnit) =>
      unitsToRollback({ ...planned, holdoutPerUnit }, 0.075),
    );
    expect(users).toEqual(users.toSorted((one, other) => (one ?? Infinity) - (other ?? Infinity)));
    expect(users[0]).toBeGreaterThan(unitsToRollback(planned, 0.075) ?? Infinity);
    expect(unitsToRollback({ ...planned, holdoutPerUnit: 0 }, 0.075)).toBeNull();
  });
});
