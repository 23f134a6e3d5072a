// How α is spent and what is reported beside a decision, worked by hand.
import { describe, expect, test } from "vitest";
import { alphaShares, KEEP_LOG_BAR, rollbackLogBar } from "../../../origin/decide/alpha-shares.ts";
import { detailsOf, scoreOf } from "../../../origin/decide/details.ts";
import { emptyEvidence } from "../../../origin/decide/evidence.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleOf = (over: Partial<Rule>): Rule =>
  Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 1000,
    evaluationWindowSeconds: 3600,
    ...over,
  });

describe("the shares of α", () => {
  test.each([
    { name: "by the pattern's weights", over: {}, shares: [0.4, 0.5, 0.1, 0] },
    { name: "with an error guard", over: { errorRateThreshold: 0.02 }, shares: [0.4, 0.5, 0.05, 0.05] },
    { name: "without retention", over: { retentionThreshold: 0 }, shares: [0.8, 0, 0.2, 0] },
    { name: "without activation", over: { activationThreshold: 0 }, shares: [0, 5 / 6, 1 / 6, 0] },
    {
      name: "of latency alone",
      over: { activationThreshold: 0, retentionThreshold: 0 },
      shares: [0, 0, 1, 0],
    },
    {
      name: "of requests alone",
      over: { activationThreshold: 0, retentionThreshold: 0, errorRateThreshold: 0.02 },
      shares: [0, 0, 0.5, 0.5],
    },
  ])("$name are $shares", ({ over, shares }) => {
    const { activation, retention, latency, errorRate } = alphaShares(ruleOf(over));
    for (const [i, share] of [activation, retention, latency, errorRate].entries())
      expect(share).toBeCloseTo(shares[i] ?? Number.NaN, 12);
  });

  test("make bars of 6,250, 5,000 and 25,000 : 1 at the default α, and an infinite one without a share", () => {
    const bar = (signal: "activation" | "retention" | "latency" | "errorRate") =>
      Math.exp(rollbackLogBar(ruleOf({}), signal));
    expect(bar("activation")).toBeCloseTo(6250, 6);
    expect(bar("retention")).toBeCloseTo(5000, 6);
    expect(bar("latency")).toBeCloseTo(25_000, 6);
    expect(bar("errorRate")).toBe(Infinity);
  });

  test("do not touch the bar of KEEP, which is 20 : 1", () => {
    expect(Math.exp(KEEP_LOG_BAR)).toBeCloseTo(20, 9);
  });
});

describe("the score", () => {
  const details = {
    activation: 0.2,
    retention: 0.5,
    p95_latency: 300,
    error_rate: null,
    exposed: { treatment: 1, holdout: 1 },
  };

  test("weighs activation by 0.4, retention by 0.5, and latency above its threshold by 0.1", () => {
    expect(scoreOf(details, 200)).toBeCloseTo(0.4 * 0.2 + 0.5 * 0.5 - 0.1 * 0.5, 12);
  });

  test("has no bonus for requests that are faster than the threshold", () => {
    expect(scoreOf(details, 600)).toBeCloseTo(0.33, 12);
  });

  test.each(["activation", "retention", "p95_latency"] as const)("is unknown while %s is", (part) => {
    expect(scoreOf({ ...details, [part]: null }, 200)).toBeNull();
  });
});

test("the details are treatment's, outcomes at their whole windows, and null where nothing is known", () => {
  const rule = ruleOf({ returnAfterSeconds: 3600 });
  const empty = emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 });
  expect(detailsOf(empty, true)).toEqual({
    activation: null,
    retention: null,
    p95_latency: null,
    error_rate: null,
    exposed: { treatment: 0, holdout: 0 },
  });
  const tallies = (n: number, s: number) => ({ treatment: { n, s }, holdout: { n, s: n } });
  const evidence = {
    ...empty,
    exposed: { ...empty.exposed, treatment: 900, holdout: 100 },
    activation: empty.activation.map((part, i, all) => ({
      ...part,
      mature: i === all.length - 1 ? tallies(400, 60) : tallies(800, 8),
    })),
    retention: empty.retention.map((part, i, all) => ({
      ...part,
      mature: i === all.length - 1 ? tallies(200, 90) : tallies(300, 9),
    })),
    traffic: {
      ...empty.traffic,
      errors: { ...empty.traffic.errors, requests: tallies(5000, 25) },
      p95Ms: { treatment: 180, holdout: 90 },
    },
  };
  const expected = {
    activation: 0.15,
    retention: 0.45,
    p95_latency: 180,
    error_rate: 0.005,
    exposed: { treatment: 900, holdout: 100 },
  };
  expect(detailsOf(evidence, true)).toEqual(expected);
  expect(detailsOf(evidence, false)).toEqual({ ...expected, activation: null });
});
