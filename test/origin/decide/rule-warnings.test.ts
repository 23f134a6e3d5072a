// What is said of a rule that cannot work at its feature's traffic.
import { describe, expect, test } from "vitest";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import { ruleWarnings } from "../../../origin/decide/planning/rule-warnings.ts";
import { Rule } from "../../../shared/features/rule.ts";

const DAY = 86_400;
const EVEN = { rolloutBps: 5_000, holdoutBps: 5_000 };

const warningsOf = (
  over: Partial<Rule>,
  traffic: { usersPerDay: number; holdoutUsersPerDay: number } | null,
  shares = EVEN,
): string[] =>
  ruleWarnings(
    judgedRule(
      Rule.parse({
        featureId: "feat_example",
        activationThreshold: 0.15,
        retentionThreshold: 0,
        latencyP95Threshold: 200,
        minCohortSize: 1000,
        evaluationWindowSeconds: 14 * DAY,
        ...over,
      }),
      shares,
    ),
    shares,
    { traffic, rawKeepDays: 62 },
  );

const plenty = { usersPerDay: 10_000, holdoutUsersPerDay: 10_000 };

test("a rule that its traffic can fill has no warning, nor one whose traffic is not known", () => {
  expect(warningsOf({}, plenty)).toEqual([]);
  expect(warningsOf({}, null)).toEqual([]);
});

describe("a window that is not over at the deadline", () => {
  test("is named with both figures, for each outcome that is tested", () => {
    expect(warningsOf({ retentionThreshold: 0.4, evaluationWindowSeconds: 3 * DAY }, plenty)).toEqual([
      "retentionWindowSeconds is 604800 (7 d) and the deadline, evaluationWindowSeconds, is 259200 (3 d): nobody has had the whole window before it",
    ]);
    expect(warningsOf({ evaluationWindowSeconds: DAY }, null)).toEqual([
      "activationWindowSeconds is 86400 (1 d) and the deadline, evaluationWindowSeconds, is 86400 (1 d): nobody has had the whole window before it",
    ]);
    expect(warningsOf({ evaluationWindowSeconds: DAY + 1 }, null)).toEqual([]);
  });
});

describe("today's traffic", () => {
  test("that cannot fill minCohortSize before the deadline is named with the figure", () => {
    expect(warningsOf({}, { usersPerDay: 76, holdoutUsersPerDay: 76 })).toEqual([
      "at the last day's 76 new units in treatment 988 are mature for activation at the deadline, and minCohortSize is 1,000",
    ]);
    expect(warningsOf({}, { usersPerDay: 77, holdoutUsersPerDay: 77 })).toEqual([]);
  });

  test("fills it from exactly minCohortSize whole units on", () => {
    const evenly = { usersPerDay: 1000, holdoutUsersPerDay: 1000 };
    expect(warningsOf({ evaluationWindowSeconds: 2 * DAY }, evenly)).toEqual([]);
    expect(warningsOf({ evaluationWindowSeconds: 2 * DAY - 1 }, evenly)).toEqual([
      expect.stringContaining(" 999 are mature for activation at the deadline"),
    ]);
    expect(warningsOf({ evaluationWindowSeconds: DAY + 1 }, evenly)).toEqual([
      expect.stringContaining(" 0 are mature for activation at the deadline"),
    ]);
  });

  test("at which half the threshold shows after the deadline only is named with the time", () => {
    const lonely = { usersPerDay: 100, holdoutUsersPerDay: 5 };
    expect(warningsOf({ minCohortSize: 100 }, lonely)).toEqual([
      expect.stringMatching(
        /^at the last day's 100 new units in treatment a feature at half its activation threshold of 15 % is rolled back after [\d,]+ units, [\d.]+ d from launch and after the deadline$/,
      ),
    ]);
    expect(
      warningsOf(
        { minCohortSize: 100, compare: { activation: "holdout" } },
        { usersPerDay: 100, holdoutUsersPerDay: 0 },
      ),
    ).toEqual([expect.stringMatching(/is rolled back never$/)]);
  });
});

describe("a small holdout", () => {
  const small = { rolloutBps: 9_000, holdoutBps: 1_000 };

  test("beside which a signal is held is named with both shares and the units that a rollback takes", () => {
    expect(warningsOf({}, plenty, small)).toEqual([
      expect.stringMatching(
        /^the holdout of 10 % is small beside a rollout of 90 %: a feature at half its activation threshold is rolled back after [\d,]+ units in treatment, beside an equal holdout after [\d,]+ units$/,
      ),
    ]);
    expect(warningsOf({ compare: { activation: "holdout" } }, plenty, small)).toHaveLength(1);
    expect(
      warningsOf({ retentionThreshold: 0.4, compare: { retention: "holdout" } }, plenty, small),
    ).toHaveLength(1);
    expect(warningsOf({}, plenty, { rolloutBps: 4_001, holdoutBps: 1_000 })).toHaveLength(1);
    expect(warningsOf({}, plenty, { rolloutBps: 4_000, holdoutBps: 1_000 })).toEqual([]);
    expect(warningsOf({}, plenty, { rolloutBps: 9_000, holdoutBps: 0 })).toEqual([]);
    expect(warningsOf({ compare: { activation: "threshold" } }, plenty, small)).toEqual([
      expect.stringMatching(/latency and errors beside it take several times as many requests/),
    ]);
  });

  test("takes more units the smaller it is", () => {
    const unitsAt = (holdoutBps: number): number => {
      const [warning] = warningsOf({}, null, { rolloutBps: 9_000, holdoutBps });
      return Number(/rolled back after ([\d,]+) units/.exec(warning ?? "")?.[1]?.replaceAll(",", ""));
    };
    expect(unitsAt(1_000)).toBeGreaterThan(2_000);
    expect(unitsAt(100)).toBeGreaterThan(8 * unitsAt(1_000));
    expect(unitsAt(1)).toBeGreaterThan(50 * unitsAt(100));
  });
});

test("a rule about requests alone says so", () => {
  expect(warningsOf({ activationThreshold: 0 }, plenty)).toEqual([
    "no outcome is asked for: the rule judges requests alone, and a feature that nobody uses is kept",
  ]);
});

test("a rule about requests alone needs as many exposed units as its traffic brings", () => {
  const requests = { activationThreshold: 0, minCohortSize: 1_000, evaluationWindowSeconds: 10 * DAY };
  expect(warningsOf(requests, { usersPerDay: 99, holdoutUsersPerDay: 99 })).toContain(
    "at the last day's 99 new units in treatment 990 are exposed at the deadline, and minCohortSize is 1,000",
  );
  expect(warningsOf(requests, { usersPerDay: 100, holdoutUsersPerDay: 100 })).toHaveLength(1);
});
