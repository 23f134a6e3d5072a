// The tests that could roll a feature back and those that could keep it, whole, on evidence that is made up.
import { describe, expect, test } from "vitest";
import { emptyEvidence, type Evidence, type OutcomeEvidence } from "../../../origin/decide/evidence.ts";
import { keepTests } from "../../../origin/decide/keep-tests.ts";
import { rollbackTests } from "../../../origin/decide/rollback-tests.ts";
import { betaLogEvidence, betaLogKeepEvidence } from "../../../origin/decide/statistics/beta-evidence.ts";
import { gridLogEvidence, gridLogKeepEvidence } from "../../../origin/decide/statistics/rate-evidence.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleOf = (over: Partial<Rule> = {}): Rule =>
  Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 100,
    evaluationWindowSeconds: 3600,
    activationWindowSeconds: 1800,
    retentionWindowSeconds: 604_800,
    ...over,
  });

/** Activation at 15 and 30 minutes, retention at 3 and 7 days. */
const evidenceOf = (rule: Rule, over: Partial<Evidence> = {}): Evidence => {
  const empty = emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 });
  return { ...empty, exposed: { ...empty.exposed, treatment: 500, holdout: 480 }, ...over };
};
const withMature = (parts: readonly OutcomeEvidence[], ...mature: OutcomeEvidence["mature"][]) =>
  parts.map((part, i) => ({ ...part, mature: mature[i] ?? part.mature }));
const tallies = (n: number, s: number, holdoutN = 0, holdoutS = 0) => ({
  treatment: { n, s },
  holdout: { n: holdoutN, s: holdoutS },
});

const bar = (inverse: number) => expect.closeTo(Math.log(inverse), 9);

describe("the tests against a feature", () => {
  test("hold each outcome's whole window and each kind of request against its threshold", () => {
    const rule = ruleOf({ errorRateThreshold: 0.02 });
    const empty = evidenceOf(rule);
    const tests = rollbackTests(rule, {
      ...empty,
      activation: withMature(empty.activation, tallies(300, 3), tallies(200, 20)),
      retention: withMature(empty.retention, tallies(99, 0), tallies(99, 40, 1, 0)),
      traffic: {
        ...empty.traffic,
        latency: {
          ...empty.traffic.latency,
          requests: tallies(4000, 80, 1, 0),
          aboveBound: [1, 2, 3],
          worseThanHoldout: empty.traffic.latency.worseThanHoldout.map(() => 50),
        },
        errors: { ...empty.traffic.errors, requests: tallies(1, 0), aboveBound: [0, 0, 0] },
      },
    });
    expect(tests).toEqual([
      {
        signal: "activation",
        against: "threshold",
        ageSeconds: 1800,
        threshold: 0.15,
        treatment: { n: 200, s: 20 },
        holdout: null,
        immature: 300,
        rate: 0.1,
        logEvidence: gridLogEvidence({ n: 200, s: 20 }, 0.15),
        logBar: bar(6250),
        alarm: null,
        counts: true,
      },
      {
        signal: "retention",
        against: "threshold",
        ageSeconds: 604_800,
        threshold: 0.4,
        treatment: { n: 99, s: 40 },
        holdout: { n: 1, s: 0 },
        immature: 401,
        rate: 40 / 99,
        logEvidence: gridLogEvidence({ n: 99, s: 40 }, 0.4),
        logBar: bar(5000),
        alarm: null,
        counts: false,
      },
      {
        signal: "latency",
        against: "threshold",
        ageSeconds: null,
        threshold: 0.05,
        treatment: { n: 4000, s: 80 },
        holdout: { n: 1, s: 0 },
        immature: null,
        rate: 0.02,
        logEvidence: expect.closeTo(Math.log((Math.E + Math.E ** 2 + Math.E ** 3) / 3), 9),
        logBar: bar(50_000),
        alarm: null,
        counts: true,
      },
      {
        signal: "errorRate",
        against: "threshold",
        ageSeconds: null,
        threshold: 0.02,
        treatment: { n: 1, s: 0 },
        holdout: null,
        immature: null,
        rate: 0,
        logEvidence: expect.closeTo(0, 12),
        logBar: bar(50_000),
        alarm: null,
        counts: true,
      },
    ]);
  });

  test("have one row for each age of a comparison, with the evidence of all of them", () => {
    const rule = ruleOf({ compare: { activation: "holdout", latency: "holdout" }, retentionThreshold: 0 });
    const empty = evidenceOf(rule);
    const nine = (value: number) => Array.from({ length: 9 }, () => value);
    const [young, old] = withMature(empty.activation, tallies(300, 3, 200, 9), tallies(100, 5));
    const tests = rollbackTests(rule, {
      ...empty,
      activation: [
        { ...(young ?? expect.fail()), worseThanHoldout: nine(2) },
        { ...(old ?? expect.fail()), worseThanHoldout: nine(1.5) },
      ],
      traffic: {
        ...empty.traffic,
        latency: { ...empty.traffic.latency, worseThanHoldout: nine(0.7), aboveBound: [50, 50, 50] },
      },
    });
    expect(tests).toMatchObject([
      { signal: "activation", against: "holdout", ageSeconds: 900, holdout: { n: 200, s: 9 }, counts: true },
      { signal: "activation", against: "holdout", ageSeconds: 1800, holdout: null, counts: true },
      { signal: "latency", against: "holdout", holdout: null, counts: false },
    ]);
    for (const [i, logEvidence] of [3.5, 3.5, 0.7].entries())
      expect(tests[i]?.logEvidence).toBeCloseTo(logEvidence, 9);
  });

  test("take a rule's prior for activation alone", () => {
    const prior = { alpha: 2, beta: 8 };
    const rule = ruleOf({ prior });
    const empty = evidenceOf(rule);
    const [activation, retention] = rollbackTests(rule, {
      ...empty,
      activation: withMature(empty.activation, tallies(0, 0), tallies(200, 20)),
      retention: withMature(empty.retention, tallies(0, 0), tallies(200, 60)),
    });
    expect(activation?.logEvidence).toBe(betaLogEvidence({ n: 200, s: 20 }, 0.15, prior));
    expect(retention?.logEvidence).toBe(gridLogEvidence({ n: 200, s: 60 }, 0.4));
  });

  test("give a single age's alarm the signal's whole share", () => {
    const rule = ruleOf();
    const empty = evidenceOf(rule);
    const activation = empty.activation.map((part) => ({
      ...part,
      sinceKept: { ...part.sinceKept, detector: [Math.log(1), Math.log(5)] },
    }));
    const traffic = {
      ...empty.traffic,
      latency: { ...empty.traffic.latency, sinceKept: { detector: [Math.log(7)] } },
    };
    const [one, two, three] = rollbackTests(rule, { ...empty, activation, traffic });
    expect(one?.alarm).toEqual({ logEvidence: expect.closeTo(Math.log(3), 9), logBar: bar(6250) });
    expect(two?.alarm).toBeNull();
    expect(three?.alarm).toEqual({ logEvidence: expect.closeTo(Math.log(7), 9), logBar: bar(25_000) });
  });

  test("give the youngest of several ages half of the share, each next one half of the rest, and the oldest all of it", () => {
    const rule = ruleOf({ compare: { activation: "holdout" }, activationWindowSeconds: 3600 });
    const empty = evidenceOf(rule);
    const activation = empty.activation.map((part) => ({
      ...part,
      sinceKept: { ...part.sinceKept, detector: [0] },
    }));
    const alarms = rollbackTests(rule, { ...empty, activation }).slice(0, 3);
    expect(alarms.map(({ alarm }) => alarm)).toEqual(
      [12_500, 25_000, 25_000].map((inverse) => ({ logEvidence: 0, logBar: bar(inverse) })),
    );
  });

  test("count requests only when there are some, and enough exposed units", () => {
    const rule = ruleOf();
    const countsWith = (exposed: number, n: number): boolean | undefined => {
      const empty = evidenceOf(rule);
      return rollbackTests(rule, {
        ...empty,
        exposed: { ...empty.exposed, treatment: exposed },
        traffic: { ...empty.traffic, latency: { ...empty.traffic.latency, requests: tallies(n, 0) } },
      }).at(-1)?.counts;
    };
    expect(countsWith(100, 1)).toBe(true);
    expect(countsWith(99, 1)).toBe(false);
    expect(countsWith(100, 0)).toBe(false);
  });

  test("never have fewer than no immature units", () => {
    const rule = ruleOf();
    const empty = evidenceOf(rule);
    const immatureOf = (exposed: number) =>
      rollbackTests(rule, {
        ...empty,
        exposed: { ...empty.exposed, treatment: exposed },
        activation: withMature(empty.activation, tallies(0, 0), tallies(200, 20)),
      })[0]?.immature;
    expect(immatureOf(200)).toBe(0);
    expect(immatureOf(150)).toBe(0);
  });
});

describe("the tests for a feature", () => {
  const keep = 2.995732273553991;

  test("take the strongest age with enough units of each outcome, and the good requests of each kind", () => {
    const rule = ruleOf({ errorRateThreshold: 0.02 });
    const empty = evidenceOf(rule);
    const tests = keepTests(rule, {
      ...empty,
      activation: withMature(empty.activation, tallies(300, 90), tallies(100, 20)),
      retention: withMature(empty.retention, tallies(99, 99), tallies(50, 50)),
      traffic: {
        ...empty.traffic,
        latency: { ...empty.traffic.latency, requests: tallies(400, 8) },
        errors: { ...empty.traffic.errors, requests: tallies(1000, 10) },
      },
    });
    expect(tests).toEqual([
      {
        signal: "activation",
        logEvidence: gridLogKeepEvidence({ n: 300, s: 90 }, 0.15),
        logBar: keep,
        counts: true,
      },
      { signal: "retention", logEvidence: -Infinity, logBar: keep, counts: false },
      { signal: "latency", logEvidence: gridLogEvidence({ n: 400, s: 8 }, 0.05), logBar: keep, counts: true },
      {
        signal: "errorRate",
        logEvidence: gridLogEvidence({ n: 1000, s: 10 }, 0.02),
        logBar: keep,
        counts: true,
      },
    ]);
  });

  test("take the older age where it proves more", () => {
    const rule = ruleOf();
    const empty = evidenceOf(rule);
    const [activation] = keepTests(rule, {
      ...empty,
      activation: withMature(empty.activation, tallies(300, 30), tallies(100, 60)),
    });
    expect(activation?.logEvidence).toBe(gridLogKeepEvidence({ n: 100, s: 60 }, 0.15));
  });

  test("take a rule's prior for activation alone", () => {
    const prior = { alpha: 2, beta: 8 };
    const rule = ruleOf({ prior });
    const empty = evidenceOf(rule);
    const [activation, retention] = keepTests(rule, {
      ...empty,
      activation: withMature(empty.activation, tallies(0, 0), tallies(200, 60)),
      retention: withMature(empty.retention, tallies(0, 0), tallies(200, 120)),
    });
    expect(activation?.logEvidence).toBe(betaLogKeepEvidence({ n: 200, s: 60 }, 0.15, prior));
    expect(retention?.logEvidence).toBe(gridLogKeepEvidence({ n: 200, s: 120 }, 0.4));
  });

  test("count requests only when there are some, and enough exposed units", () => {
    const rule = ruleOf();
    const countsWith = (exposed: number, n: number): boolean | undefined => {
      const empty = evidenceOf(rule);
      return keepTests(rule, {
        ...empty,
        exposed: { ...empty.exposed, treatment: exposed },
        traffic: { ...empty.traffic, latency: { ...empty.traffic.latency, requests: tallies(n, 0) } },
      }).at(-1)?.counts;
    };
    expect(countsWith(100, 1)).toBe(true);
    expect(countsWith(99, 1)).toBe(false);
    expect(countsWith(100, 0)).toBe(false);
  });
});
