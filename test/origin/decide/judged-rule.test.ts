// What each signal is held against, and what that costs of α.
import { describe, expect, test } from "vitest";
import { alphaShares, rollbackLogBar } from "../../../origin/decide/alpha-shares.ts";
import { againstOf, errorTestsOf, judgedRule, type JudgedRule } from "../../../origin/decide/judged-rule.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleWith = (over: Partial<Rule>, holdoutBps: number): JudgedRule =>
  judgedRule(
    Rule.parse({
      featureId: "feat_example",
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      latencyP95Threshold: 200,
      minCohortSize: 1000,
      evaluationWindowSeconds: 3600,
      ...over,
    }),
    { holdoutBps },
  );

const SIGNALS = ["activation", "retention", "latency", "errorRate"] as const;

describe("a signal that the rule does not name", () => {
  test("is held against both where there is a holdout, the error rate against the holdout", () => {
    expect(SIGNALS.map((signal) => againstOf(ruleWith({}, 1), signal))).toEqual([
      "both",
      "both",
      "both",
      "holdout",
    ]);
  });

  test("is held against its threshold where there is none", () => {
    const { hasHoldout: _, ...unknown } = ruleWith({}, 5000);
    for (const rule of [ruleWith({}, 0), unknown])
      expect(SIGNALS.map((signal) => againstOf(rule, signal))).toEqual(SIGNALS.map(() => "threshold"));
  });
});

test.each(["threshold", "holdout", "both"] as const)(
  "a signal that the rule names is held against %s",
  (named) => {
    const compare = { activation: named, retention: named, latency: named, errorRate: named };
    expect(SIGNALS.map((signal) => againstOf(ruleWith({ compare }, 5000), signal))).toEqual(
      SIGNALS.map(() => named),
    );
  },
);

describe("the error rate", () => {
  const bound = { errorRateThreshold: 0.01 };
  test.each([
    { rule: ruleWith({}, 0), tests: [], shares: [0.1, 0] },
    { rule: ruleWith({ compare: { errorRate: "holdout" } }, 0), tests: [], shares: [0.1, 0] },
    { rule: ruleWith(bound, 0), tests: ["threshold"], shares: [0.05, 0.05] },
    { rule: ruleWith({}, 5000), tests: ["holdout"], shares: [0.05, 0.05] },
    { rule: ruleWith(bound, 5000), tests: ["holdout"], shares: [0.05, 0.05] },
    { rule: ruleWith({ compare: { errorRate: "both" } }, 5000), tests: ["holdout"], shares: [0.05, 0.05] },
    {
      rule: ruleWith({ ...bound, compare: { errorRate: "threshold" } }, 5000),
      tests: ["threshold", "holdout"],
      shares: [0.05, 0.05],
    },
    {
      rule: ruleWith({ ...bound, compare: { errorRate: "both" } }, 5000),
      tests: ["both", "holdout"],
      shares: [0.05, 0.05],
    },
  ])("is tested against $tests", ({ rule, tests, shares: [latency, errorRate] }) => {
    expect(errorTestsOf(rule)).toEqual(tests);
    expect(alphaShares(rule)).toMatchObject({ latency, errorRate });
    const bar = -Math.log((0.0004 * 0.05) / Math.max(1, tests.length));
    if (tests.length > 0) expect(rollbackLogBar(rule, "errorRate")).toBeCloseTo(bar, 12);
    else expect(rollbackLogBar(rule, "errorRate")).toBe(Infinity);
    // The other signals have one test each.
    expect(rollbackLogBar(rule, "latency")).toBeCloseTo(-Math.log(0.0004 * (latency ?? NaN)), 12);
  });
});
