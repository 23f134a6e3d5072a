import { gridLogEvidence } from "../../../origin/decide/statistics/rate-evidence.ts";
import { describe, expect, test } from "vitest";
import type { Decision, KeepReport, TestReport } from "../../../origin/decide/decision.ts";
import { explainDecision } from "../../../origin/decide/explain-decision.ts";
import { unitsToKeep, unitsToRollback } from "../../../origin/decide/planning/power.ts";
import { betaCdf } from "../../../origin/decide/statistics/incomplete-beta.ts";
import { liftInterval, rateInterval } from "../../../origin/decide/statistics/interval.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleOf = (over: Record<string, unknown> = {}): Rule =>
  Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 100,
    evaluationWindowSeconds: 3_600,
    ...over,
  });

const activation: TestReport = {
  signal: "activation",
  against: "threshold",
  ageSeconds: 86_400,
  threshold: 0.15,
  treatment: { n: 200, s: 20 },
  holdout: null,
  immature: 0,
  leftOut: 0,
  rate: 0.1,
  logEvidence: 1,
  logBar: Math.log(6_250),
  comparison: null,
  onlyTreatment: null,
  alarm: null,
  counts: true,
};
const latency: TestReport = {
  ...activation,
  signal: "latency",
  ageSeconds: null,
  threshold: 0.05,
  treatment: { n: 300, s: 6 },
  immature: null,
  rate: 0.02,
};
const keepOf = (signal: KeepReport["signal"], logEvidence = 1): KeepReport => ({
  signal,
  logEvidence,
  logBar: Math.log(20),
  counts: true,
});

const decisionOf = (
  tests: TestReport[],
  keep: KeepReport[] = [],
  state: Decision["state"] = "TESTING",
): Decision => ({
  action: "WAIT",
  state,
  isValid: false,
  score: null,
  details: {
    activation: null,
    retention: null,
    p95_latency: null,
    error_rate: null,
    exposed: { treatment: 0, holdout: 0 },
  },
  evidence: { tests, keep, sampleRatio: null },
  cause: [],
  reason: "Said.",
  epoch: 1,
  ruleVersion: 1,
});

const explain = (report: TestReport, keep: KeepReport[] = [], rule = ruleOf()) =>
  explainDecision(decisionOf([report], keep), rule, 0).explained[0]!;

describe("the explanation of a rate", () => {
  test("has its interval, the chance that it misses its threshold, and the units until a rollback", () => {
    expect(explain(activation)).toEqual({
      signal: "activation",
      ageSeconds: 86_400,
      interval: rateInterval({ n: 200, s: 20 }, { alpha: 0.05, tightAt: 100 }),
      lift: null,
      posterior: betaCdf(1 + 20, 1 + 180, 0.15),
      unitsToRollback: unitsToRollback({ threshold: 0.15, logBar: Math.log(6_250) }, 0.1, { n: 200, s: 20 }),
      unitsToKeep: null,
    });
  });

  test("has the units until it is proven, from the proof's own bar", () => {
    const good = { ...activation, treatment: { n: 200, s: 40 } };
    const { unitsToKeep: units, unitsToRollback: none } = explain(good, [
      keepOf("retention", 9),
      keepOf("activation"),
    ]);
    expect(units).toBe(unitsToKeep({ threshold: 0.15, logBar: Math.log(20) }, 0.2, { n: 200, s: 40 }));
    expect(units).toBeGreaterThan(0);
    expect(none).toBe(null);
    expect(explain(good).unitsToKeep).toBe(null);
    expect(explain(good, [keepOf("activation", Math.log(20))]).unitsToKeep).toBe(null);
  });

  test("takes the rule's prior for activation alone", () => {
    const prior = { alpha: 2, beta: 8 };
    const rule = ruleOf({ prior });
    const question = { threshold: 0.15, logBar: Math.log(6_250), prior };
    expect(explain(activation, [], rule).posterior).toBe(betaCdf(2 + 20, 8 + 180, 0.15));
    expect(explain(activation, [], rule).unitsToRollback).toBe(
      unitsToRollback(question, 0.1, { n: 200, s: 20 }),
    );
    const retention = { ...activation, signal: "retention" } as const;
    expect(explain(retention, [], rule)).toEqual({ ...explain(activation), signal: "retention" });
    const good = { ...activation, treatment: { n: 200, s: 40 } };
    expect(explain(good, [keepOf("activation")], rule).unitsToKeep).toBe(
      unitsToKeep({ threshold: 0.15, logBar: Math.log(20), prior }, 0.2, { n: 200, s: 40 }),
    );
  });

  test("has a lift beside a holdout, tightest at twice the cohort's size", () => {
    const holdout = { n: 190, s: 38 };
    expect(explain({ ...activation, holdout }).lift).toEqual(
      liftInterval({ n: 200, s: 20 }, holdout, { alpha: 0.05, tightAt: 200 }),
    );
  });

  test("is there while none has succeeded", () => {
    const { interval } = explain({ ...activation, treatment: { n: 200, s: 0 } });
    expect(interval).toEqual(rateInterval({ n: 200, s: 0 }, { alpha: 0.05, tightAt: 100 }));
  });

  test("is empty before the first unit", () => {
    const nothing = { ...activation, treatment: { n: 0, s: 0 }, rate: null };
    expect(explain(nothing, [keepOf("activation")])).toEqual({
      signal: "activation",
      ageSeconds: 86_400,
      interval: null,
      lift: null,
      posterior: null,
      unitsToRollback: null,
      unitsToKeep: null,
    });
  });

  test.each([
    { title: "units are too few to count", over: { counts: false } },
    { title: "it is compared with the holdout", over: { against: "holdout" as const } },
    { title: "its evidence is there already", over: { logEvidence: Math.log(6_250) } },
    { title: "its threshold cannot be missed", over: { threshold: 0 } },
    { title: "its threshold cannot be met", over: { threshold: 1 } },
  ])("says nothing of a rollback when $title", ({ over }) => {
    expect(explain({ ...activation, ...over }).unitsToRollback).toBe(null);
  });
});

test("against both the units until a rollback are known once it is shown beside the holdout", () => {
  const both = { ...activation, against: "both", holdout: { n: 200, s: 40 } } as const;
  const beside = (logEvidence: number) =>
    explain({ ...both, comparison: { logEvidence, logBar: 9 } }).unitsToRollback;
  expect(beside(8.999)).toBe(null);
  expect(beside(9)).toBe(explain(activation).unitsToRollback);
  expect(beside(10)).toBe(explain(activation).unitsToRollback);
});

describe("the explanation of requests", () => {
  test("is about the good ones, for which no rollback is forecast", () => {
    const found = explain(latency, [keepOf("latency")]);
    expect(found.interval).toEqual(rateInterval({ n: 300, s: 6 }, { alpha: 0.05, tightAt: 100 }));
    expect(found.posterior).toBe(betaCdf(1 + 294, 1 + 6, 0.95));
    expect(found.unitsToRollback).toBe(null);
    // By the grid that decides: 24 more are enough at this share, 23 are not.
    const proofAfter = (more: number) => gridLogEvidence({ n: 300 + more, s: 6 + more * 0.02 }, 0.05);
    expect(found.unitsToKeep).toBe(24);
    expect(proofAfter(24)).toBeGreaterThanOrEqual(Math.log(20));
    expect(proofAfter(23)).toBeLessThan(Math.log(20));
    expect(explain({ ...latency, treatment: { n: 300, s: 15 } }, [keepOf("latency")]).unitsToKeep).toBe(null);
    expect(explain({ ...latency, treatment: { n: 300, s: 60 } }, [keepOf("latency")]).unitsToKeep).toBe(null);
    expect(explain({ ...latency, treatment: { n: 300, s: 60 } }).unitsToRollback).toBe(null);
  });
});

describe("the outlook", () => {
  const retention: TestReport = {
    ...activation,
    signal: "retention",
    threshold: 0.4,
    treatment: { n: 200, s: 60 },
  };
  const good: TestReport = { ...activation, treatment: { n: 2_000, s: 340 } };
  const goodLatency: TestReport = { ...latency, treatment: { n: 100, s: 2 } };
  const reasonOf = (tests: TestReport[], keep: KeepReport[] = [], state: Decision["state"] = "TESTING") =>
    explainDecision(decisionOf(tests, keep, state), ruleOf(), 0).reason;
  const unitsIn = (report: TestReport, keep: KeepReport[] = []) => explain(report, keep);

  test("names the fewest units until a rollback while the feature is undecided", () => {
    const fewest = Math.min(unitsIn(activation).unitsToRollback!, unitsIn(retention).unitsToRollback!);
    expect(unitsIn(activation).unitsToRollback).not.toBe(unitsIn(retention).unitsToRollback);
    const counted = fewest.toLocaleString("en-US");
    for (const state of ["TESTING", "UNDECIDED"] as const)
      expect(reasonOf([activation, retention], [], state)).toBe(
        `Said. At the rates seen so far, a rollback takes about ${counted} more mature users.`,
      );
  });

  test("needs one signal only", () => {
    expect(reasonOf([activation])).toContain("a rollback takes about");
  });

  test("names the most units until all are proven, where nothing is bad", () => {
    const keep = [keepOf("activation"), keepOf("latency")];
    const most = Math.max(unitsIn(good, keep).unitsToKeep!, unitsIn(goodLatency, keep).unitsToKeep!);
    expect(unitsIn(good, keep).unitsToKeep).not.toBe(unitsIn(goodLatency, keep).unitsToKeep);
    expect(reasonOf([good, goodLatency], keep)).toBe(
      `Said. At the rates seen so far, keeping it takes about ${most.toLocaleString("en-US")} more.`,
    );
  });

  test("leaves out what is proven, and says nothing when one of the others is not in sight", () => {
    const proven = [keepOf("activation"), keepOf("latency", Math.log(20))];
    const units = unitsIn(good, proven).unitsToKeep!.toLocaleString("en-US");
    expect(reasonOf([good, goodLatency], proven)).toContain(`about ${units} more.`);
    const few = { ...goodLatency, counts: false };
    expect(reasonOf([good, few], [keepOf("activation"), keepOf("latency")])).toBe("Said.");
    expect(reasonOf([good], [keepOf("activation", 9)])).toBe("Said.");
  });

  test("takes the oldest age of a signal", () => {
    const young = { ...good, ageSeconds: 900, treatment: { n: 200, s: 34 } };
    const units = unitsIn(good, [keepOf("activation")]).unitsToKeep!.toLocaleString("en-US");
    expect(reasonOf([young, good], [keepOf("activation")])).toContain(`about ${units} more.`);
  });

  test.each(["COLLECTING", "KEEP", "WATCH", "ROLLBACK", "INVALID"] as const)(
    "has nothing to say in %s",
    (state) => {
      expect(reasonOf([activation], [], state)).toBe("Said.");
    },
  );
});

test("requests of bots that were left out are counted in the reason", () => {
  const reasonWith = (bots: number) => explainDecision(decisionOf([], [], "KEEP"), ruleOf(), bots);
  expect(reasonWith(0)).toMatchObject({ reason: "Said.", botRequests: 0 });
  expect(reasonWith(1).reason).toBe("Said. 1 request of a bot is left out.");
  expect(reasonWith(1_234)).toMatchObject({
    reason: "Said. 1,234 requests of bots are left out.",
    botRequests: 1_234,
    state: "KEEP",
  });
});
