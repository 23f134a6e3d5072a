// What each test of a rule reports, and from when on it counts.
import { describe, expect, test } from "vitest";
import type { TestReport } from "../../../origin/decide/decision.ts";
import {
  emptyEvidence,
  type Evidence,
  type OutcomeEvidence,
  type TrafficEvidence,
} from "../../../origin/decide/evidence.ts";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import { cannotSucceed, onlyTreatmentOf, rollbackTests } from "../../../origin/decide/rollback-tests.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleWith = (compare: Rule["compare"] = {}) =>
  judgedRule(
    Rule.parse({
      featureId: "feat_example",
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      latencyP95Threshold: 200,
      minCohortSize: 1000,
      evaluationWindowSeconds: 3600,
      compare,
    }),
    { holdoutBps: 5_000 },
  );
const empty = emptyEvidence(agesOf(ruleWith()), 0, { rolloutBps: 5_000, holdoutBps: 5_000 });
const [youngest] = empty.activation;
if (youngest === undefined) throw new Error("an age was expected");

const counted = (part: OutcomeEvidence, over: Partial<OutcomeEvidence> = {}): OutcomeEvidence => ({
  ...part,
  mature: { treatment: { n: 1000, s: 100 }, holdout: { n: 1000, s: 0 } },
  ...over,
});
const activationWith = (over: Partial<OutcomeEvidence>): Evidence => ({
  ...empty,
  activation: empty.activation.map((part) => counted(part, over)),
});
const reportsOf = (
  signal: TestReport["signal"],
  evidence: Evidence,
  compare: Rule["compare"] = {},
): TestReport[] => rollbackTests(ruleWith(compare), evidence).filter((report) => report.signal === signal);

describe("a holdout that cannot succeed", () => {
  const bar = Math.log(1000);

  test("is shown at an evidence of a thousand to one, from exactly there on", () => {
    expect(onlyTreatmentOf([counted(youngest, { onlyTreatment: 5 })])).toEqual({
      logEvidence: 5,
      logBar: bar,
    });
    expect(cannotSucceed({ logEvidence: bar, logBar: bar })).toBe(true);
    expect(cannotSucceed({ logEvidence: bar - 1e-9, logBar: bar })).toBe(false);
    expect(cannotSucceed(null)).toBe(false);
  });

  test("is refuted by a single success in it, and not known before the first age", () => {
    const one = { treatment: { n: 1000, s: 100 }, holdout: { n: 1000, s: 1 } };
    expect(onlyTreatmentOf([counted(youngest), counted(youngest, { mature: one })])).toBe(null);
    expect(onlyTreatmentOf([])).toEqual({ logEvidence: 0, logBar: bar });
  });

  test("turns a test against both into one against the threshold, and no other test", () => {
    const shown = activationWith({ onlyTreatment: 8 });
    expect(reportsOf("activation", shown)).toMatchObject([
      { against: "threshold", onlyTreatment: { logEvidence: 8, logBar: bar } },
    ]);
    for (const against of ["threshold", "holdout"] as const)
      for (const report of reportsOf("activation", shown, { activation: against }))
        expect(report).toMatchObject({ against, onlyTreatment: null });
  });
});

describe("the alarm of an outcome", () => {
  const run = { treatment: { n: 50, s: 5 }, holdout: { n: 1, s: 1 } };
  const kept = activationWith({
    sinceKept: { ...youngest.sinceKept, detector: [3], besideHoldout: [2], run },
  });

  test("is not there before the first batch", () => {
    for (const { alarm } of rollbackTests(ruleWith(), empty)) expect(alarm).toBe(null);
  });

  test("has the counts of the run, of the holdout too from its first unit on", () => {
    const alarmWith = (holdout: { n: number; s: number }) => {
      const sinceKept = { ...youngest.sinceKept, detector: [3], run: { ...run, holdout } };
      return reportsOf("activation", activationWith({ sinceKept }))[0]?.alarm;
    };
    expect(alarmWith({ n: 1, s: 1 })).toMatchObject({
      treatment: run.treatment,
      holdout: run.holdout,
    });
    expect(alarmWith({ n: 0, s: 0 })?.holdout).toBe(null);
  });

  test("needs twice as much at the youngest age, four times at the next, and so on: the last two share alike", () => {
    const factors = reportsOf("activation", kept, { activation: "holdout" }).map(({ alarm, logBar }) =>
      Math.round(Math.exp((alarm?.logBar ?? NaN) - logBar)),
    );
    expect(factors).toEqual([2, 4, 8, 16, 16]);
    const [only, ...more] = reportsOf("activation", kept, { activation: "threshold" });
    expect(only?.alarm?.logBar).toBe(only?.logBar);
    expect(more).toEqual([]);
  });
});

describe("the units of an outcome", () => {
  test.each([
    { exposed: 1000, immature: 0 },
    { exposed: 1001, immature: 1 },
    { exposed: 999, immature: 0 },
  ])("of $exposed exposed and 1000 mature ones $immature are immature", ({ exposed, immature }) => {
    const evidence = { ...activationWith({}), exposed: { ...empty.exposed, treatment: exposed } };
    expect(reportsOf("activation", evidence)[0]?.immature).toBe(immature);
  });
});

describe("a test of requests", () => {
  const slow = (treatment: TrafficEvidence["requests"]["treatment"], exposed: number) =>
    reportsOf("latency", {
      ...empty,
      exposed: { ...empty.exposed, treatment: exposed },
      traffic: {
        ...empty.traffic,
        latency: { ...empty.traffic.latency, requests: { treatment, holdout: { n: 0, s: 0 } } },
      },
    })[0];

  test.each([
    { requests: 1, exposed: 1000, counts: true },
    { requests: 0, exposed: 1000, counts: false },
    { requests: 1, exposed: 999, counts: false },
  ])("counts with $requests requests of $exposed units: $counts", ({ requests, exposed, counts }) => {
    expect(slow({ n: requests, s: 0 }, exposed)?.counts).toBe(counts);
  });

  test("knows of no immature units, and of no action that only the feature has", () => {
    expect(slow({ n: 1, s: 0 }, 1000)).toMatchObject({
      ageSeconds: null,
      immature: null,
      onlyTreatment: null,
      holdout: null,
    });
  });
});
