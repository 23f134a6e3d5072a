// What is in sight, and when.
import { describe, expect, test } from "vitest";
import type { TestReport } from "../../../origin/decide/decision.ts";
import type { Explanation } from "../../../origin/decide/explain-decision.ts";
import { outlookOf, progressOf, type StoredDecision } from "../../../origin/decide/planning/outlook.ts";

const report = (over: Partial<TestReport> = {}): TestReport => ({
  signal: "activation",
  against: "threshold",
  ageSeconds: 3_600,
  threshold: 0.15,
  treatment: { n: 1_000, s: 100 },
  holdout: null,
  immature: 40,
  leftOut: 0,
  rate: 0.1,
  logEvidence: 5,
  logBar: 10,
  comparison: null,
  onlyTreatment: null,
  alarm: null,
  counts: true,
  ...over,
});
const explanation = (over: Partial<Explanation> = {}): Explanation => ({
  signal: "activation",
  ageSeconds: 3_600,
  interval: null,
  lift: null,
  posterior: null,
  unitsToRollback: 240,
  unitsToKeep: null,
  ...over,
});
const decision = (over: Partial<StoredDecision> = {}): StoredDecision => ({
  state: "TESTING",
  evidence: {
    tests: [report()],
    keep: [{ signal: "activation", logEvidence: 1, logBar: 3, counts: true }],
  },
  explained: [explanation()],
  ...over,
});
const traffic = { unitsPerDay: 4_800, minCohortSize: 500 };

describe("the time until a rollback", () => {
  test("counts those who are on their way, then those who still have to come, and the last one's window", () => {
    // 200 of the 240 are not there yet: an hour of 4,800 a day, and an hour's window.
    expect(outlookOf(decision(), traffic).rollback.expected).toEqual({
      signal: "activation",
      more: 240,
      of: "units",
      seconds: 3_600 + 3_600,
    });
  });

  test("is the window alone where enough are on their way", () => {
    const tests = [report({ immature: 300 })];
    const { rollback } = outlookOf(decision({ evidence: { tests, keep: [] } }), traffic);
    expect(rollback.expected?.seconds).toBe(3_600);
  });

  test("is not known while nobody comes", () => {
    const { rollback } = outlookOf(decision(), { ...traffic, unitsPerDay: 0 });
    expect(rollback.expected).toMatchObject({ more: 240, seconds: null });
    expect(rollback.sentence).toMatch(/takes about 240 more units\.$/);
  });

  test("is that of the signal that comes first", () => {
    const tests = [report(), report({ signal: "retention", ageSeconds: 600 })];
    const explained = [explanation(), explanation({ signal: "retention" })];
    const both = decision({ evidence: { tests, keep: [] }, explained });
    expect(outlookOf(both, traffic).rollback.expected?.signal).toBe("retention");
  });
});

describe("the time until it is kept", () => {
  test("is that of the signal that comes last, and not in sight while one is not", () => {
    const tests = [report(), report({ signal: "retention", ageSeconds: 86_400 })];
    const keep = [
      { signal: "activation", logEvidence: 1, logBar: 3, counts: true },
      { signal: "retention", logEvidence: 2, logBar: 3, counts: true },
    ] as const;
    const both = (more: number | null) =>
      decision({
        evidence: { tests, keep },
        explained: [explanation({ unitsToKeep: 400 }), explanation({ unitsToKeep: more })],
      });
    expect(outlookOf(both(10), traffic).keep.expected).toMatchObject({ signal: "retention", more: 10 });
    expect(outlookOf(both(null), traffic).keep.expected).toBeNull();
  });

  test("is said in requests, without a time, of latency", () => {
    const tests = [report({ signal: "latency", ageSeconds: null, immature: null })];
    const keep = [{ signal: "latency", logEvidence: 1, logBar: 3, counts: true }] as const;
    const one = decision({ evidence: { tests, keep }, explained: [explanation({ unitsToKeep: 90 })] });
    expect(outlookOf(one, traffic).keep.expected).toEqual({
      signal: "latency",
      more: 90,
      of: "requests",
      seconds: null,
    });
  });
});

test("the way to a bar beside a second one is the shorter of the two", () => {
  expect(progressOf(report())).toBe(0.5);
  expect(progressOf(report({ comparison: { logEvidence: 2, logBar: 10 } }))).toBe(0.2);
  expect(progressOf(report({ logEvidence: 40 }))).toBe(1);
  expect(progressOf(report({ logEvidence: -3 }))).toBe(0);
  expect(progressOf(report({ logEvidence: -Infinity }))).toBe(0);
});

test.each(["KEEP", "WATCH", "ROLLBACK"] as const)("%s waits for nobody", (state) => {
  const { rollback, keep, missing } = outlookOf(decision({ state }), traffic);
  expect([rollback.expected, keep.expected, missing]).toEqual([null, null, []]);
});
