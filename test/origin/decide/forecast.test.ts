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

describe("a rule's forecast at 2,000 users a day; the numbers of users are computed by mpmath", () => {
  const rule = Rule.parse({
    featureId: "feat_planned",
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 100,
    evaluationWindowSeconds: 1_209_600,
    compare: { activation: "threshold", retention: "threshold" },
  });
  const traffic = { usersPerDay: 2000, holdoutUsersPerDay: 500 };
  const DAY = 86_400;
  const row = (ratio: number, rate: number, users: number, windowDays: number, withinDeadline = true) => ({
    ratio,
    rate: expect.closeTo(rate, 12),
    users,
    seconds: Math.ceil((users / 2000) * DAY + windowDays * DAY),
    withinDeadline,
  });

  test("has a row for each failing and each good rate of each outcome", () => {
    expect(forecastRule(rule, traffic)).toEqual([
      {
        signal: "activation",
        against: "threshold",
        threshold: 0.15,
        windowSeconds: DAY,
        bar: expect.closeTo(6250, 6),
        rollback: [
          row(0.5, 0.075, 390, 1),
          row(0.7, 0.105, 1173, 1),
          row(0.8, 0.12, 2754, 1),
          row(0.9, 0.135, 12_049, 1),
        ],
        keep: [
          row(1.1, 0.165, 5617, 1),
          row(1.2, 0.18, 1259, 1),
          row(1.5, 0.225, 211, 1),
          row(2, 0.3, 100, 1),
        ],
        smallestDetectable: expect.closeTo(0.13935002291621038, 12),
      },
      {
        signal: "retention",
        against: "threshold",
        threshold: 0.4,
        windowSeconds: 7 * DAY,
        bar: expect.closeTo(5000, 6),
        rollback: [
          row(0.5, 0.2, 109, 7),
          row(0.7, 0.28, 317, 7),
          row(0.8, 0.32, 734, 7),
          row(0.9, 0.36, 3171, 7),
        ],
        keep: [row(1.1, 0.44, 1350, 7), row(1.2, 0.48, 311, 7), row(1.5, 0.6, 100, 7), row(2, 0.8, 100, 7)],
        smallestDetectable: expect.any(Number),
      },
    ]);
  });

  test("says which decisions come after the deadline, to the second", () => {
    const users = 1259;
    const seconds = Math.ceil((users / 2000) * DAY + DAY);
    const at = (evaluationWindowSeconds: number) =>
      forecastRule({ ...rule, evaluationWindowSeconds }, traffic)[0]?.keep[1]?.withinDeadline;
    expect(at(seconds)).toBe(true);
    expect(at(seconds - 1)).toBe(false);
  });

  test("has no smallest effect while fewer than minCohortSize users mature before the deadline", () => {
    const at = (evaluationWindowSeconds: number) =>
      forecastRule({ ...rule, evaluationWindowSeconds, minCohortSize: 1000 }, traffic)[0]?.smallestDetectable;
    expect(at(DAY + DAY / 2)).toBeGreaterThan(0);
    expect(at(DAY + DAY / 2 - 1)).toBeNull();
  });

  test("uses a prior for activation alone", () => {
    const withPrior = forecastRule({ ...rule, prior: { alpha: 2, beta: 8 }, minCohortSize: 1 }, traffic);
    expect(withPrior[0]?.rollback[0]?.users).toBe(385);
    expect(withPrior[0]?.keep[3]?.users).toBe(53);
    expect(withPrior[1]?.rollback[0]?.users).toBe(109);
  });

  test("beside a holdout counts with its users", () => {
    const compared = { ...rule, compare: { activation: "holdout" } } as const;
    const [activation] = forecastRule(compared, traffic);
    expect(activation?.against).toBe("holdout");
    expect(activation?.rollback[0]?.users).toBe(1682);
    const [alone] = forecastRule(compared, { ...traffic, holdoutUsersPerDay: 0 });
    expect(alone?.rollback[0]).toMatchObject({ users: null, seconds: null, withinDeadline: false });
  });

  test("beside a holdout that the rule does not name takes the users that both bars need", () => {
    const [floor] = forecastRule(rule, traffic);
    const [both] = forecastRule({ ...rule, compare: {} }, traffic);
    expect(both?.against).toBe("both");
    expect(both?.rollback.map(({ users }) => users)).toEqual([1682, 5398, 13_032, 58_347]);
    for (const [i, { users }] of (floor?.rollback ?? []).entries())
      expect(both?.rollback[i]?.users).toBeGreaterThan(users ?? Infinity);
    expect(both?.keep).toEqual(floor?.keep);
    expect(both?.smallestDetectable).toBeLessThan(floor?.smallestDetectable ?? 0);
    // Beside as many users as the feature has, the second bar costs less than as many again.
    const [even] = forecastRule({ ...rule, compare: {} }, { ...traffic, holdoutUsersPerDay: 2000 });
    expect(even?.rollback[0]?.users).toBe(713);
  });

  test("against both takes as many users as the dearer of both bars", () => {
    const usersAgainst = (against: "threshold" | "holdout" | "both") => {
      const misled = { ...rule, prior: { alpha: 400, beta: 600 }, compare: { activation: against } };
      const [activation] = forecastRule(misled, { usersPerDay: 2000, holdoutUsersPerDay: 20_000 });
      return activation?.rollback[0]?.users ?? NaN;
    };
    expect(usersAgainst("holdout")).toBeLessThan(usersAgainst("threshold"));
    expect(usersAgainst("both")).toBe(usersAgainst("threshold"));
  });

  test("does not exceed a rate of 100 %", () => {
    const [, retention] = forecastRule({ ...rule, retentionThreshold: 0.6, minCohortSize: 1 }, traffic);
    expect(retention?.keep.map(({ rate }) => rate)).toEqual([
      expect.closeTo(0.66, 12),
      expect.closeTo(0.72, 12),
      expect.closeTo(0.9, 12),
      1,
    ]);
    expect(retention?.keep[3]?.users).toBe(unitsToKeep({ threshold: 0.6, logBar: Math.log(20) }, 1));
  });

  test("leaves out an outcome that is not tested, or of which everybody has to succeed", () => {
    const signals = (over: Partial<Rule>) =>
      forecastRule({ ...rule, ...over }, traffic).map(({ signal }) => signal);
    expect(signals({ activationThreshold: 0 })).toEqual(["retention"]);
    expect(signals({ retentionThreshold: 0 })).toEqual(["activation"]);
    expect(signals({ activationThreshold: 1 })).toEqual(["retention"]);
  });
});
