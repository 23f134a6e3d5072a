// The order of guards, evidence and deadline, on tests that are made up.
import { describe, expect, test } from "vitest";
import type { KeepReport, SignalName, TestReport } from "../../../origin/decide/decision.ts";
import { emptyEvidence } from "../../../origin/decide/evidence.ts";
import type { JudgedRule } from "../../../origin/decide/judged-rule.ts";
import { verdictOn, type DecisionInput, type Verdict } from "../../../origin/decide/verdict.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleOf = (over: Partial<Rule> = {}): Rule =>
  Rule.parse({
    featureId: "feat_example",
    activationThreshold: 0.15,
    retentionThreshold: 0.4,
    latencyP95Threshold: 200,
    minCohortSize: 1000,
    evaluationWindowSeconds: 3600,
    ...over,
  });

const testOf = (over: Partial<TestReport> = {}): TestReport => ({
  signal: "activation",
  against: "threshold",
  ageSeconds: 86_400,
  threshold: 0.15,
  treatment: { n: 2000, s: 200 },
  holdout: null,
  immature: 0,
  leftOut: 0,
  rate: 0.1,
  logEvidence: 0,
  logBar: 9,
  comparison: null,
  onlyTreatment: null,
  alarm: null,
  counts: true,
  ...over,
});
const alarmAt = (logEvidence: number): NonNullable<TestReport["alarm"]> => ({
  logEvidence,
  logBar: 9,
  comparison: null,
  treatment: { n: 500, s: 20 },
  holdout: null,
});
const requestsOf = (over: Partial<TestReport> = {}): TestReport =>
  testOf({ signal: "latency", ageSeconds: null, immature: null, treatment: { n: 2000, s: 400 }, ...over });
const keepOf = (over: Partial<KeepReport> = {}): KeepReport => ({
  signal: "retention",
  logEvidence: 0,
  logBar: 3,
  counts: true,
  ...over,
});

type Given = {
  tests?: TestReport[];
  keep?: KeepReport[];
  decided?: "KEEP" | "ROLLBACK" | null;
  cause?: SignalName[];
  lagSeconds?: number | null;
  activationIsMeasured?: boolean;
  seconds?: number;
  rule?: JudgedRule;
  sampleRatio?: { logEvidence: number; logBar: number } | null;
  /** without the units of unusual hours */
  ordinary?: { tests?: TestReport[]; keep?: KeepReport[] };
};
const verdictIn = (given: Given): Verdict => {
  const rule = given.rule ?? ruleOf();
  const input: DecisionInput = {
    evidence: emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 }),
    rule,
    history: { epoch: 1, ruleVersion: 1, decided: given.decided ?? null, cause: given.cause ?? [] },
    telemetry: {
      lagSeconds: given.lagSeconds === undefined ? 0 : given.lagSeconds,
      activationIsMeasured: given.activationIsMeasured ?? true,
    },
    now: given.seconds ?? 0,
  };
  return verdictOn(input, {
    tests: given.tests ?? [testOf(), requestsOf()],
    keep: given.keep ?? [keepOf()],
    sampleRatio: given.sampleRatio ?? null,
    ordinary: given.ordinary && {
      tests: given.ordinary.tests ?? [testOf(), requestsOf()],
      keep: given.ordinary.keep ?? [keepOf()],
      anomalies: [
        { hourS: 7_200, units: 900, seenAgain: 0, largestNetwork: 1, kind: "crowd", usual: 20 },
        { hourS: 10_800, units: 900, seenAgain: 0, largestNetwork: 1, kind: "crowd", usual: 20 },
      ],
    },
  });
};
const proven = keepOf({ logEvidence: 3 });
const failed = testOf({ logEvidence: 9 });

describe("evidence for a rollback", () => {
  test("rolls back from exactly its bar on, with the signal as the cause", () => {
    expect(verdictIn({ tests: [failed, requestsOf()] })).toEqual({
      state: "ROLLBACK",
      cause: ["activation"],
      obstacle: null,
    });
    expect(verdictIn({ tests: [testOf({ logEvidence: 8.999 })] }).state).toBe("TESTING");
  });

  test("names a signal once, however many of its ages failed", () => {
    const tests = [failed, testOf({ logEvidence: 10 }), requestsOf({ logEvidence: 12 })];
    expect(verdictIn({ tests }).cause).toEqual(["activation", "latency"]);
  });

  test.each([
    { why: "its test has too few units", given: { tests: [testOf({ logEvidence: 99, counts: false })] } },
    { why: "nothing reports activation", given: { tests: [failed], activationIsMeasured: false } },
  ])("counts for nothing while $why", ({ given }) => {
    expect(verdictIn(given).state).not.toBe("ROLLBACK");
  });

  test("comes before proof", () => {
    expect(verdictIn({ tests: [failed], keep: [proven] }).state).toBe("ROLLBACK");
  });
});

describe("an alarm", () => {
  const alarmed = testOf({ alarm: alarmAt(9) });

  test("rolls a kept feature back from exactly its bar on", () => {
    expect(verdictIn({ tests: [alarmed], decided: "KEEP" })).toMatchObject({
      state: "ROLLBACK",
      cause: ["activation"],
    });
    const quiet = testOf({ alarm: alarmAt(8.999) });
    expect(verdictIn({ tests: [quiet], decided: "KEEP" }).state).toBe("WATCH");
  });

  test("means nothing for a feature that was not kept", () => {
    expect(verdictIn({ tests: [alarmed] }).state).toBe("TESTING");
  });
});

describe("proof", () => {
  test("of a single required signal is enough", () => {
    expect(verdictIn({ keep: [proven] }).state).toBe("KEEP");
  });

  test("keeps a feature from exactly its bar on, for each signal", () => {
    expect(verdictIn({ keep: [proven, keepOf({ signal: "latency", logEvidence: 3 })] })).toEqual({
      state: "KEEP",
      cause: [],
      obstacle: null,
    });
    expect(verdictIn({ keep: [proven, keepOf({ signal: "latency", logEvidence: 2.999 })] }).state).toBe(
      "TESTING",
    );
  });

  test.each([
    { why: "a signal has too few units", given: { keep: [keepOf({ logEvidence: 9, counts: false })] } },
    {
      why: "activation is not measured",
      given: {
        keep: [keepOf({ signal: "activation", logEvidence: 9 })],
        activationIsMeasured: false,
      },
    },
    { why: "no signal is asked about", given: { keep: [] } },
  ] satisfies { why: string; given: Given }[])("is missing while $why", ({ given }) => {
    expect(verdictIn(given).state).toBe("TESTING");
  });
});

describe("a guard", () => {
  test.each([
    { lagSeconds: null, obstacle: "telemetry is an unknown time behind; nothing is decided on it" },
    { lagSeconds: 60.6, obstacle: "telemetry is 61 s behind; nothing is decided on it" },
  ])("stops every decision at a lag of $lagSeconds s", ({ lagSeconds, obstacle }) => {
    for (const decided of [null, "KEEP"] as const)
      expect(verdictIn({ tests: [failed], keep: [proven], lagSeconds, decided })).toEqual({
        state: "INVALID",
        cause: [],
        obstacle,
      });
  });

  test("lets a lag of exactly 60 s pass", () => {
    expect(verdictIn({ tests: [failed], lagSeconds: 60 }).state).toBe("ROLLBACK");
  });

  test("stops every decision about rates on cohorts of the wrong size, from exactly its bar on", () => {
    const sampleRatio = { logEvidence: 7, logBar: 7 };
    expect(verdictIn({ tests: [failed], sampleRatio })).toMatchObject({ state: "INVALID" });
    expect(verdictIn({ tests: [failed], sampleRatio: { ...sampleRatio, logEvidence: 6.999 } }).state).toBe(
      "ROLLBACK",
    );
  });

  test("does not lift a rollback, which keeps its cause", () => {
    expect(verdictIn({ decided: "ROLLBACK", cause: ["latency"], lagSeconds: null })).toEqual({
      state: "ROLLBACK",
      cause: ["latency"],
      obstacle: null,
    });
  });
});

describe("cohorts of the wrong sizes", () => {
  const sampleRatio = { logEvidence: 7, logBar: 7 };
  const slow = requestsOf({ logEvidence: 9 });

  test("hold back no requests: they roll back, alone as the cause", () => {
    expect(verdictIn({ tests: [failed, slow], sampleRatio })).toEqual({
      state: "ROLLBACK",
      cause: ["latency"],
      obstacle: null,
    });
  });

  test("hold back neither proof nor a kept feature's rates from being doubted", () => {
    expect(verdictIn({ tests: [requestsOf()], keep: [proven], sampleRatio }).state).toBe("INVALID");
    const alarmed = testOf({ alarm: alarmAt(9) });
    expect(verdictIn({ tests: [alarmed], decided: "KEEP", sampleRatio })).toMatchObject({
      state: "INVALID",
      cause: [],
    });
    const slowAlarm = requestsOf({ alarm: { ...alarmAt(9), treatment: { n: 500, s: 400 } } });
    expect(verdictIn({ tests: [alarmed, slowAlarm], decided: "KEEP", sampleRatio })).toMatchObject({
      state: "ROLLBACK",
      cause: ["latency"],
    });
  });
});

test("evidence of the whole life rolls no kept feature back: its alarm does", () => {
  expect(verdictIn({ tests: [failed], decided: "KEEP" })).toEqual({
    state: "WATCH",
    cause: [],
    obstacle: null,
  });
});

test("a kept feature that has fallen with its holdout is watched, with a warning", () => {
  const shared = testOf({
    against: "both",
    alarm: { ...alarmAt(9), comparison: { logEvidence: 0, logBar: 9 }, holdout: { n: 400, s: 16 } },
  });
  expect(verdictIn({ tests: [shared], decided: "KEEP" })).toMatchObject({
    state: "WATCH",
    obstacle: expect.stringContaining("what befalls everybody closes nothing"),
  });
  // Nothing that is not measured is warned of.
  expect(verdictIn({ tests: [shared], decided: "KEEP", activationIsMeasured: false }).obstacle).toBe(null);
});

describe("where nobody succeeds, in neither cohort", () => {
  const silent = testOf({
    against: "both",
    logEvidence: 9,
    treatment: { n: 2000, s: 0 },
    holdout: { n: 2000, s: 0 },
    comparison: { logEvidence: 0, logBar: 9 },
  });

  test("the feature waits, and the reason names the signal and the way out", () => {
    const retention = { ...silent, signal: "retention" } as const;
    for (const [one, word] of [
      [silent, "activation"],
      [retention, "retention"],
    ] as const)
      expect(verdictIn({ tests: [testOf({ signal: "retention" }), one], lagSeconds: 20 })).toEqual({
        state: "TESTING",
        cause: [],
        obstacle: `nobody has any ${word}, with the feature or in the holdout: either nothing reports it, or something is wrong for everybody. Where only the feature offers it, set compare.${word} to "threshold"`,
      });
  });

  test.each([
    { why: "somebody in treatment does", over: { treatment: { n: 2000, s: 1 } } },
    { why: "somebody in the holdout does", over: { holdout: { n: 2000, s: 1 } } },
    { why: "nobody is in the holdout yet", over: { holdout: null } },
    { why: "there are too few units", over: { counts: false } },
    { why: "the floor is not missed yet", over: { logEvidence: 8.999 } },
    { why: "the holdout alone is asked", over: { against: "holdout" } },
    { why: "the holdout is not asked", over: { against: "threshold", signal: "retention", logBar: 10 } },
  ] satisfies { why: string; over: Partial<TestReport> }[])("is not said while $why", ({ over }) => {
    expect(verdictIn({ tests: [{ ...silent, ...over }, testOf({ signal: "retention" })] }).obstacle).toBe(
      null,
    );
  });

  test("the first of two such signals is named", () => {
    expect(verdictIn({ tests: [silent, { ...silent, signal: "retention" }] }).obstacle).toMatch(
      /^nobody has any activation,/,
    );
  });

  test("is not said of an activation that is not measured", () => {
    expect(verdictIn({ tests: [silent], activationIsMeasured: false, keep: [keepOf()] }).obstacle).toBe(null);
  });
});

describe("before the deadline", () => {
  test("a feature is tested as soon as one outcome has enough mature units", () => {
    const few = testOf({ counts: false });
    expect(verdictIn({ tests: [few, testOf({ signal: "retention" }), requestsOf()] }).state).toBe("TESTING");
    expect(verdictIn({ tests: [few, requestsOf()] }).state).toBe("COLLECTING");
  });

  test("a rule about requests alone is tested as soon as they count", () => {
    expect(verdictIn({ tests: [requestsOf()] }).state).toBe("TESTING");
    expect(verdictIn({ tests: [requestsOf({ counts: false })] }).state).toBe("COLLECTING");
  });

  test.each([
    { lagSeconds: 10, obstacle: null },
    { lagSeconds: 10.6, obstacle: "telemetry is 11 s behind" },
  ])("a lag of $lagSeconds s is mentioned as $obstacle", ({ lagSeconds, obstacle }) => {
    expect(verdictIn({ lagSeconds }).obstacle).toBe(obstacle);
  });

  test("a signal that is not measured is mentioned before a lag", () => {
    const given = {
      keep: [keepOf({ signal: "activation" })],
      activationIsMeasured: false,
      lagSeconds: 20,
    } as const;
    expect(verdictIn({ ...given, keep: [...given.keep] }).obstacle).toBe(
      "activation is not measured: nothing reports it for this feature",
    );
  });
});

describe("at the deadline", () => {
  const closing = ruleOf({ onDeadline: "rollback" });

  test("a feature is undecided from exactly then on, with the obstacle", () => {
    expect(verdictIn({ seconds: 3599 }).state).toBe("TESTING");
    expect(verdictIn({ seconds: 3600, lagSeconds: 20 })).toEqual({
      state: "UNDECIDED",
      cause: [],
      obstacle: "telemetry is 20 s behind",
    });
  });

  test("a rule may close it, without a signal as the cause", () => {
    expect(verdictIn({ seconds: 3600, rule: closing })).toEqual({
      state: "ROLLBACK",
      cause: [],
      obstacle: "the deadline passed without proof that the feature meets its thresholds",
    });
  });

  test.each([
    { why: "nothing has matured", given: { tests: [testOf({ counts: false }), requestsOf()] } },
    {
      why: "a signal is not measured",
      given: {
        keep: [keepOf({ signal: "activation" })],
        activationIsMeasured: false,
      },
    },
  ] satisfies { why: string; given: Given }[])("no rule closes it while $why", ({ given }) => {
    expect(verdictIn({ ...given, seconds: 3600, rule: closing }).state).toBe("UNDECIDED");
  });
});

test("a rule that is blind without its holdout says so while it waits and while it watches, and not with one", () => {
  const compare = { activation: "both" } as const;
  const blind = { ...ruleOf({ compare }), hasHoldout: false };
  expect(verdictIn({ rule: blind })).toMatchObject({
    state: "TESTING",
    obstacle: expect.stringMatching(/^compare\.activation asks for the holdout, and the feature has none/),
  });
  expect(verdictIn({ rule: blind, decided: "KEEP" })).toMatchObject({
    state: "WATCH",
    obstacle: expect.stringContaining("compare.activation"),
  });
  expect(verdictIn({ rule: { ...blind, hasHoldout: true } }).obstacle).toBeNull();
  expect(verdictIn({ rule: { ...ruleOf(), hasHoldout: false } }).obstacle).toBeNull();
});

describe("where units came in hours that were not as usual", () => {
  const hours =
    "2 hours were not as usual, the first from 1970-01-01 02:00:00 UTC: far more units than usual";
  const keptBack = `KEEP is held back: ${hours}. Without the units of such hours the feature is not proven good yet`;
  const openBack = `ROLLBACK is held back: ${hours}. Without the units of such hours the feature is not shown to miss its threshold yet`;

  test("a KEEP waits until it stands without their units", () => {
    const keep = [proven, keepOf({ signal: "activation", logEvidence: 3 })];
    const without = [proven, keepOf({ signal: "activation", logEvidence: 2.999 })];
    expect(verdictIn({ keep, ordinary: { keep: without } })).toEqual({
      state: "TESTING",
      cause: [],
      heldBack: "KEEP",
      obstacle: keptBack,
    });
    expect(verdictIn({ keep, ordinary: { keep: without }, seconds: 3_600 })).toMatchObject({
      state: "UNDECIDED",
      heldBack: "KEEP",
    });
    expect(verdictIn({ keep, ordinary: { keep } })).toEqual({ state: "KEEP", cause: [], obstacle: null });
    expect(verdictIn({ keep: without, ordinary: { keep } })).not.toHaveProperty("heldBack");
  });

  test("a rollback for an outcome alone waits until it stands without them", () => {
    const tests = [failed, requestsOf()];
    const held = { state: "TESTING", cause: [], heldBack: "ROLLBACK", obstacle: openBack };
    expect(verdictIn({ tests, ordinary: {} })).toEqual(held);
    expect(verdictIn({ tests, ordinary: { tests: [testOf({ logEvidence: 99, counts: false })] } })).toEqual(
      held,
    );
    expect(verdictIn({ tests, ordinary: { tests: [testOf({ logEvidence: 99, ageSeconds: 60 })] } })).toEqual(
      held,
    );
    expect(
      verdictIn({ tests, ordinary: { tests: [testOf({ logEvidence: 99, signal: "retention" })] } }),
    ).toEqual(held);
    expect(verdictIn({ tests, ordinary: { tests } })).toMatchObject({
      state: "ROLLBACK",
      cause: ["activation"],
    });
  });

  test("slow requests, and what shows beside the holdout, roll back at once", () => {
    const slow = requestsOf({ logEvidence: 12 });
    expect(verdictIn({ tests: [failed, slow], ordinary: {} })).toMatchObject({
      state: "ROLLBACK",
      cause: ["latency"],
    });
    const beside = testOf({
      against: "both",
      logEvidence: 9,
      comparison: { logEvidence: 9, logBar: 9 },
      holdout: { n: 2_000, s: 900 },
    });
    expect(verdictIn({ tests: [beside], ordinary: {} })).toMatchObject({ state: "ROLLBACK" });
  });

  test("an alarm of a kept feature goes by its own units", () => {
    const alarmed = testOf({ alarm: alarmAt(9) });
    expect(verdictIn({ tests: [alarmed], decided: "KEEP", ordinary: {} }).state).toBe("ROLLBACK");
    expect(verdictIn({ tests: [failed], decided: "KEEP", ordinary: {} })).toMatchObject({ state: "WATCH" });
  });

  test("a mismatch of the cohorts is said first", () => {
    const sampleRatio = { logEvidence: 9, logBar: 6 };
    expect(verdictIn({ keep: [proven], sampleRatio, ordinary: {} })).toMatchObject({ state: "INVALID" });
  });
});
