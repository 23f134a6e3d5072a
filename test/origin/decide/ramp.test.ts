// Progressive delivery by a rule's ramp.
import { describe, expect, test } from "vitest";
import type { Decision, State, TestReport } from "../../../origin/decide/decision.ts";
import { nextRampStep, throttledTo } from "../../../origin/decide/ramp.ts";

const ramp = { stagesBps: [500, 2000, 10_000], minStageSeconds: 600 };
const rule = { ramp, onFailure: "rollback" } as const;
const at = (rolloutBps: number, paused = false) => ({ rolloutBps, since: 1000, paused });

const testOf = (over: Partial<TestReport>): TestReport => ({
  signal: "retention",
  against: "threshold",
  ageSeconds: 604_800,
  threshold: 0.4,
  treatment: { n: 1000, s: 300 },
  holdout: null,
  immature: 0,
  leftOut: 0,
  rate: 0.3,
  logEvidence: 0,
  logBar: 9,
  comparison: null,
  onlyTreatment: null,
  alarm: null,
  counts: true,
  ...over,
});

const decisionOf = (state: State, tests: TestReport[] = []): Decision => ({
  action: state === "ROLLBACK" ? "ROLLBACK" : state === "KEEP" || state === "WATCH" ? "KEEP" : "WAIT",
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
  evidence: { tests, keep: [], sampleRatio: null },
  cause: [],
  reason: `${state}: in words.`,
  epoch: 1,
  ruleVersion: 1,
});

describe("a feature that nothing speaks against", () => {
  test("advances to the next stage when the stage's time is over", () => {
    expect(nextRampStep(rule, at(500), decisionOf("TESTING"), 1600)).toEqual({
      kind: "advance",
      rolloutBps: 2000,
      reason: "ramp: from 5 % to 20 % after 600 s with nothing against it",
    });
    expect(nextRampStep(rule, at(500), decisionOf("TESTING"), 1700.6)).toMatchObject({
      reason: "ramp: from 5 % to 20 % after 701 s with nothing against it",
    });
  });

  test("holds until then, and says how long", () => {
    expect(nextRampStep(rule, at(500), decisionOf("TESTING"), 1590.5)).toEqual({
      kind: "hold",
      reason: "10 s of this stage are left",
    });
  });

  test("enters the first stage at once from a smaller rollout", () => {
    expect(nextRampStep(rule, at(100), decisionOf("COLLECTING"), 1000)).toMatchObject({
      kind: "advance",
      rolloutBps: 500,
    });
  });

  test("between two stages goes on to the next one", () => {
    expect(nextRampStep(rule, at(1900), decisionOf("TESTING"), 1600)).toMatchObject({ rolloutBps: 2000 });
  });

  test.each(["TESTING", "COLLECTING", "UNDECIDED"] as const)(
    "holds before the last stage while it is %s",
    (state) => {
      expect(nextRampStep(rule, at(2000), decisionOf(state), 1600)).toMatchObject({
        kind: "hold",
        reason: "the last stage waits for the proof that the feature is good",
      });
    },
  );

  test.each(["KEEP", "WATCH"] as const)("enters the last stage on proof (%s)", (state) => {
    expect(nextRampStep(rule, at(2000), decisionOf(state), 1600)).toMatchObject({
      kind: "advance",
      rolloutBps: 10_000,
    });
  });

  test("needs the proof for a ramp of a single stage too", () => {
    const single = { ...rule, ramp: { stagesBps: [5000], minStageSeconds: 600 } };
    expect(nextRampStep(single, at(100), decisionOf("TESTING"), 9000).kind).toBe("hold");
    expect(nextRampStep(single, at(100), decisionOf("KEEP"), 9000)).toMatchObject({ rolloutBps: 5000 });
  });

  test("holds at the last stage", () => {
    expect(nextRampStep(rule, at(10_000), decisionOf("KEEP"), 9000).kind).toBe("hold");
  });
});

describe("a ramp holds", () => {
  test("when a person paused it", () => {
    expect(nextRampStep(rule, at(500, true), decisionOf("KEEP"), 9000)).toEqual({
      kind: "hold",
      reason: "paused by a person",
    });
  });

  test("while the telemetry is invalid", () => {
    expect(nextRampStep(rule, at(500), decisionOf("INVALID"), 9000)).toEqual({
      kind: "hold",
      reason: "INVALID: in words.",
    });
  });

  test("at evidence of 10 : 1 against any signal with enough units", () => {
    const suspicious = testOf({ logEvidence: Math.log(10) });
    expect(nextRampStep(rule, at(500), decisionOf("TESTING", [suspicious]), 9000)).toEqual({
      kind: "hold",
      reason: "retention looks bad (evidence 10 : 1)",
    });
    const first = testOf({ signal: "latency", logEvidence: 5 });
    expect(nextRampStep(rule, at(500), decisionOf("TESTING", [first, suspicious]), 9000)).toMatchObject({
      reason: "latency looks bad (evidence 148 : 1)",
    });
    for (const harmless of [{ logEvidence: Math.log(9.99) }, { logEvidence: Math.log(10), counts: false }])
      expect(nextRampStep(rule, at(500), decisionOf("TESTING", [testOf(harmless)]), 9000).kind).toBe(
        "advance",
      );
  });

  test("when the rule has none", () => {
    expect(nextRampStep({ onFailure: "rollback" }, at(500), decisionOf("KEEP"), 9000).kind).toBe("hold");
  });
});

describe("a proven failure", () => {
  const throttling = { ramp, onFailure: "throttle" } as const;

  test("goes back to the stage before where the rule throttles, also while paused", () => {
    expect(nextRampStep(throttling, at(2000, true), decisionOf("ROLLBACK"), 1001)).toEqual({
      kind: "throttle",
      rolloutBps: 500,
      reason: "back to 5 %: ROLLBACK: in words.",
    });
  });

  test("closes the feature at the first stage", () => {
    expect(nextRampStep(throttling, at(500), decisionOf("ROLLBACK"), 1001)).toEqual({ kind: "close" });
    expect(nextRampStep(throttling, at(100), decisionOf("ROLLBACK"), 1001)).toEqual({ kind: "close" });
  });

  test("closes the feature at any stage where the rule does not throttle", () => {
    expect(nextRampStep(rule, at(10_000), decisionOf("ROLLBACK"), 1001)).toEqual({ kind: "close" });
  });

  test.each([
    { rolloutBps: 10_000, to: 2000 },
    { rolloutBps: 9999, to: 500 },
    { rolloutBps: 2000, to: 500 },
    { rolloutBps: 1999, to: null },
    { rolloutBps: 0, to: null },
  ])("throttles a rollout of $rolloutBps to $to", ({ rolloutBps, to }) => {
    expect(throttledTo(throttling, rolloutBps)).toBe(to);
  });

  test("is throttled nowhere without a ramp or without the wish", () => {
    expect(throttledTo({ onFailure: "throttle" }, 2000)).toBeNull();
    expect(throttledTo(rule, 2000)).toBeNull();
  });
});
