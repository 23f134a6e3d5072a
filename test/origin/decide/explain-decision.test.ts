// What a person reads beside a decision; posteriors and numbers of units are computed by mpmath at 40 digits.
import { describe, expect, test } from "vitest";
import type { Decision, KeepReport, State, TestReport } from "../../../origin/decide/decision.ts";
import { explainDecision } from "../../../origin/decide/explain-decision.ts";
import { liftInterval, rateInterval } from "../../../origin/decide/statistics/interval.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleOf = (over: Partial<Rule> = {}): Rule =>
  Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 100,
    evaluationWindowSeconds: 3600,
    ...over,
  });

const activation: TestReport = {
  signal: "activation",
  against: "threshold",
  ageSeconds: 86_400,
  threshold: 0.15,
  treatment: { n: 200, s: 24 },
  holdout: null,
  immature: 0,
  rate: 0.12,
  logEvidence: 1,
  logBar: Math.log(6250),
  alarm: null,
  counts: true,
};
const latency: TestReport = {
  ...activation,
  signal: "latency",
  ageSeconds: null,
  threshold: 0.05,
  treatment: { n: 100, s: 1 },
  immature: null,
  rate: 0.01,
  logBar: Math.log(25_000),
};
const keepOf = (signal: KeepReport["signal"], over: Partial<KeepReport> = {}): KeepReport => ({
  signal,
  logEvidence: 0,
  logBar: Math.log(20),
  counts: true,
  ...over,
});

const explained = (
  tests: TestReport[],
  keep: KeepReport[] = [],
  { state = "TESTING", rule = ruleOf(), bots = 0 }: { state?: State; rule?: Rule; bots?: number } = {},
) => {
  const decision: Decision = {
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
    reason: `${state}: in words.`,
    epoch: 1,
    ruleVersion: 1,
  };
  return explainDecision(decision, rule, bots);
};

describe("an explanation", () => {
  test("of a failing outcome has interval, posterior and the units that a rollback still takes", () => {
    expect(explained([activation], [keepOf("activation")]).explained).toEqual([
      {
        signal: "activation",
        ageSeconds: 86_400,
        interval: rateInterval({ n: 200, s: 24 }, { alpha: 0.05, tightAt: 100 }),
        lift: null,
        posterior: expect.closeTo(0.8693166891050079, 9),
        unitsToRollback: 2554,
        unitsToKeep: null,
      },
    ]);
  });

  test("of a good outcome has the units that its proof still takes", () => {
    const good = { ...activation, treatment: { n: 100, s: 20 }, rate: 0.2 };
    expect(explained([good], [keepOf("activation")]).explained[0]).toMatchObject({
      posterior: expect.closeTo(0.07235343941809425, 9),
      unitsToRollback: null,
      unitsToKeep: 354,
    });
  });

  test("of requests is about the good ones, and forecasts no rollback", () => {
    expect(explained([latency], [keepOf("latency")]).explained).toEqual([
      {
        signal: "latency",
        ageSeconds: null,
        interval: rateInterval({ n: 100, s: 1 }, { alpha: 0.05, tightAt: 100 }),
        lift: null,
        posterior: expect.closeTo(0.03552317532200415, 9),
        unitsToRollback: null,
        unitsToKeep: 85,
      },
    ]);
    const slow = { ...latency, treatment: { n: 100, s: 20 }, rate: 0.2 };
    expect(explained([slow], [keepOf("latency")]).explained[0]).toMatchObject({
      unitsToRollback: null,
      unitsToKeep: null,
    });
  });

  test("beside a holdout has the lift, and forecasts no rollback", () => {
    const compared = { ...activation, against: "holdout", holdout: { n: 180, s: 30 } } as const;
    expect(explained([compared], [keepOf("activation")]).explained[0]).toMatchObject({
      lift: liftInterval({ n: 200, s: 24 }, { n: 180, s: 30 }, { alpha: 0.05, tightAt: 200 }),
      unitsToRollback: null,
    });
  });

  test("takes a rule's prior for activation alone", () => {
    const rule = ruleOf({ prior: { alpha: 2, beta: 8 } });
    const good = { ...activation, treatment: { n: 100, s: 20 } };
    expect(explained([good], [keepOf("activation")], { rule }).explained[0]?.unitsToKeep).toBe(397);
    const retention = {
      ...activation,
      signal: "retention",
      threshold: 0.4,
      treatment: { n: 200, s: 100 },
    } as const;
    const [one, other] = explained([activation, retention], [keepOf("retention")], { rule }).explained;
    expect(one).toMatchObject({ posterior: expect.closeTo(0.8730978651677102, 9), unitsToRollback: 2671 });
    expect(other).toMatchObject({ posterior: expect.closeTo(0.002065033254427985, 9), unitsToKeep: 1 });
  });

  test("of units of which none succeeded is no less certain", () => {
    const none = { ...activation, treatment: { n: 100, s: 0 }, rate: 0 };
    const [row] = explained([none]).explained;
    // 1 − 0.85^101, for a flat prior
    expect(row?.posterior).toBeCloseTo(1 - 0.85 ** 101, 12);
    expect(row?.interval?.lower).toBe(0);
  });

  test("knows nothing before the first unit", () => {
    const nobody = { ...activation, treatment: { n: 0, s: 0 }, rate: null };
    expect(explained([nobody], [keepOf("activation")]).explained[0]).toEqual({
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
    { why: "its test has too few units", over: { counts: false } },
    { why: "its threshold is 0", over: { threshold: 0 } },
    { why: "its threshold is 1", over: { threshold: 1 } },
  ])("forecasts nothing while $why", ({ over }) => {
    for (const treatment of [
      { n: 100, s: 20 },
      { n: 200, s: 24 },
    ])
      expect(
        explained([{ ...activation, treatment, ...over }], [keepOf("activation")]).explained[0],
      ).toMatchObject({
        unitsToRollback: null,
        unitsToKeep: null,
      });
  });

  test("forecasts nothing that has come already", () => {
    const failed = { ...activation, logEvidence: activation.logBar };
    expect(explained([failed], []).explained[0]?.unitsToRollback).toBeNull();
    const good = { ...activation, treatment: { n: 100, s: 20 } };
    const proven = keepOf("activation", { logEvidence: Math.log(20) });
    expect(explained([good], [proven]).explained[0]?.unitsToKeep).toBeNull();
    expect(explained([good], [keepOf("latency")]).explained[0]?.unitsToKeep).toBeNull();
  });
});

describe("the reason", () => {
  const good = { ...activation, treatment: { n: 100, s: 20 }, rate: 0.2 };
  const both = [keepOf("activation"), keepOf("latency")];

  test.each(["TESTING", "UNDECIDED"] as const)(
    "of a feature that is %s says how far the nearest rollback is",
    (state) => {
      const nearer = {
        ...activation,
        signal: "retention",
        threshold: 0.4,
        treatment: { n: 200, s: 24 },
        logBar: Math.log(5000),
      } as const;
      expect(explained([activation, latency], both, { state }).reason).toContain(
        "about 2,554 more mature users.",
      );
      const { reason, explained: rows } = explained([activation, nearer, latency], both, { state });
      expect(rows[1]?.unitsToRollback).toBeLessThan(2554);
      expect(reason).toBe(
        `${state}: in words. At the rates seen so far, a rollback takes about ${rows[1]?.unitsToRollback} more mature users.`,
      );
    },
  );

  test("says how many units the last missing proof takes", () => {
    expect(explained([good, latency], both).reason).toBe(
      "TESTING: in words. At the rates seen so far, keeping it takes about 354 more.",
    );
    const proven = [keepOf("activation", { logEvidence: Math.log(20) }), keepOf("latency")];
    expect(explained([good, latency], proven).reason).toContain("keeping it takes about 85 more.");
  });

  test("goes by the oldest age of a comparison", () => {
    const young = { ...good, against: "holdout", ageSeconds: 900, treatment: { n: 100, s: 30 } } as const;
    const old = { ...good, against: "holdout", ageSeconds: 86_400 } as const;
    expect(explained([young, old], [keepOf("activation")]).reason).toContain(
      "keeping it takes about 354 more.",
    );
  });

  test("forecasts no KEEP while one signal is out of sight, or none is missing", () => {
    const slow = { ...latency, treatment: { n: 100, s: 20 } };
    expect(explained([good, slow], both).reason).toBe("TESTING: in words.");
    expect(explained([good], [keepOf("activation", { logEvidence: 9 })]).reason).toBe("TESTING: in words.");
    expect(explained([good], [keepOf("errorRate")]).reason).toBe("TESTING: in words.");
  });

  test.each(["COLLECTING", "KEEP", "WATCH", "ROLLBACK", "INVALID"] as const)(
    "of a feature in %s forecasts nothing",
    (state) => {
      expect(explained([activation], both, { state }).reason).toBe(`${state}: in words.`);
    },
  );

  test("says how many requests of bots are left out", () => {
    expect(explained([], [], { bots: 1 })).toMatchObject({
      botRequests: 1,
      reason: "TESTING: in words. 1 request of a bot is left out.",
    });
    expect(explained([], [], { bots: 1204 }).reason).toBe(
      "TESTING: in words. 1,204 requests of bots are left out.",
    );
    expect(explained([], [], { bots: 0 })).toMatchObject({ botRequests: 0, reason: "TESTING: in words." });
  });

  test("and everything else of the decision stays as it was", () => {
    expect(explained([activation])).toMatchObject({
      state: "TESTING",
      epoch: 1,
      evidence: { tests: [activation] },
    });
  });
});
