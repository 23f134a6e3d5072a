// The sentence that an operator reads, whole.
import { describe, expect, test } from "vitest";
import type { KeepReport, SignalName, State, TestReport } from "../../../origin/decide/decision.ts";
import { emptyEvidence } from "../../../origin/decide/evidence.ts";
import { reasonOf } from "../../../origin/decide/reason.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const rule = Rule.parse({
  featureId: "feat_example",
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 800,
  minCohortSize: 1000,
  evaluationWindowSeconds: 3600,
});

const activation: TestReport = {
  signal: "activation",
  against: "threshold",
  ageSeconds: 86_400,
  threshold: 0.15,
  treatment: { n: 4500, s: 504 },
  holdout: null,
  immature: 1310,
  leftOut: 0,
  rate: 0.112,
  logEvidence: Math.log(1.24e10),
  logBar: Math.log(6250),
  comparison: null,
  onlyTreatment: null,
  alarm: null,
  counts: true,
};
const retention: TestReport = {
  ...activation,
  signal: "retention",
  ageSeconds: 604_800,
  threshold: 0.4,
  treatment: { n: 2000, s: 900 },
  immature: 3810,
  leftOut: 0,
  rate: 0.45,
  logEvidence: Math.log(0.0012),
  logBar: Math.log(5000),
};
const latency: TestReport = {
  ...activation,
  signal: "latency",
  ageSeconds: null,
  threshold: 0.05,
  treatment: { n: 52_000, s: 1040 },
  immature: null,
  rate: 0.02,
  logEvidence: Math.log(0.5),
  logBar: Math.log(25_000),
};
const errorRate: TestReport = {
  ...latency,
  signal: "errorRate",
  threshold: 0.01,
  treatment: { n: 100, s: 3 },
  rate: 0.03,
};
const tests = [activation, retention, latency];

const alarmOf = (evidence: number): NonNullable<TestReport["alarm"]> => ({
  logEvidence: Math.log(evidence),
  logBar: Math.log(6250),
  comparison: null,
  treatment: { n: 350, s: 25 },
  holdout: null,
});

const keepOf = (signal: SignalName, evidence: number): KeepReport => ({
  signal,
  logEvidence: Math.log(evidence),
  logBar: Math.log(20),
  counts: true,
});

const reasonIn = (state: State, over: Partial<Omit<Parameters<typeof reasonOf>[0], "state">> = {}): string =>
  reasonOf({
    state,
    tests,
    keep: [],
    cause: [],
    obstacle: null,
    evidence: emptyEvidence(agesOf(rule), 0, { rolloutBps: 5000, holdoutBps: 5000 }),
    rule,
    now: 0,
    ...over,
  });

describe("ROLLBACK", () => {
  test("names rate, counts, floor, evidence, bar, the chance of a mistake and the innocent signals", () => {
    expect(reasonIn("ROLLBACK", { cause: ["activation"] })).toBe(
      "ROLLBACK: activation 11.2 % within 1 d (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 %. " +
        "Evidence 1.2e10 : 1, needed 6,250 : 1. " +
        "Chance of rolling back a feature that meets its thresholds, over its whole life: at most 0.040 %. " +
        "Retention and latency are not the cause.",
    );
  });

  test("names every cause, and one innocent signal in the singular", () => {
    expect(reasonIn("ROLLBACK", { cause: ["activation", "latency"] })).toBe(
      "ROLLBACK: activation 11.2 % within 1 d (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 %. " +
        "Evidence 1.2e10 : 1, needed 6,250 : 1. " +
        "latency: 2.0 % of requests slower than 800 ms (1,040 of 52,000) against at most 5.0 % allowed. " +
        "Evidence 0.5 : 1, needed 25,000 : 1. " +
        "Chance of rolling back a feature that meets its thresholds, over its whole life: at most 0.040 %. " +
        "Retention is not the cause.",
    );
  });

  test("has no innocent signals where each one is a cause", () => {
    expect(reasonIn("ROLLBACK", { tests: [activation], cause: ["activation"] })).toMatch(
      /at most 0\.040 %\.$/,
    );
  });

  test("names the holdout's rate and counts in a comparison, and the evidence of all ages", () => {
    const compared = {
      ...activation,
      against: "holdout",
      ageSeconds: 900,
      holdout: { n: 500, s: 100 },
    } as const;
    expect(reasonIn("ROLLBACK", { tests: [compared], cause: ["activation"] })).toContain(
      "activation 11.2 % within 15 min (504 of 4,500 mature; 1,310 not yet mature) " +
        "against 20.0 % in the holdout (100 of 500). Evidence 1.2e10 : 1 over all ages, needed 6,250 : 1.",
    );
  });

  test("of two ages that share their evidence names the older, which shows most of it", () => {
    const young = { ...activation, against: "holdout", ageSeconds: 900 } as const;
    const old = { ...young, ageSeconds: 3600 };
    expect(reasonIn("ROLLBACK", { tests: [young, old], cause: ["activation"] })).toContain("within 1 h");
    const tooFew = { ...old, counts: false };
    expect(reasonIn("ROLLBACK", { tests: [young, tooFew], cause: ["activation"] })).toContain(
      "within 15 min",
    );
  });

  test("of a kept feature says that it has fallen, with the detector's evidence", () => {
    const fallen = {
      ...activation,
      logEvidence: -40,
      alarm: alarmOf(7000),
    };
    expect(reasonIn("ROLLBACK", { tests: [fallen], cause: ["activation"] })).toContain(
      "It has fallen since it was kept: evidence 7,000 : 1, needed 6,250 : 1.",
    );
    const atBar = { ...fallen, alarm: alarmOf(6250) };
    expect(reasonIn("ROLLBACK", { tests: [atBar], cause: ["activation"] })).toContain("It has fallen");
    const quiet = { ...fallen, alarm: alarmOf(6000) };
    expect(reasonIn("ROLLBACK", { tests: [quiet], cause: ["activation"] })).not.toContain("It has fallen");
    // A feature that was kept is rolled back by its alarm, whatever its whole life says.
    const both = { ...fallen, logEvidence: Math.log(1e6) };
    expect(reasonIn("ROLLBACK", { tests: [both], cause: ["activation"] })).toContain("It has fallen");
  });

  test("of a kept feature bounds no chance over its whole life", () => {
    const fallen = { ...activation, logEvidence: -40, alarm: alarmOf(7000) };
    expect(reasonIn("ROLLBACK", { tests: [fallen], cause: ["activation"] })).toMatch(
      /once in at least 6,250 batches of 50 units, on average\.$/,
    );
  });

  describe("among a signal's ages", () => {
    const young = {
      ...activation,
      against: "holdout",
      ageSeconds: 900,
      holdout: { n: 500, s: 100 },
    } as const;
    const old = { ...young, ageSeconds: 3600, logEvidence: young.logEvidence + 5 };
    const reasonOfAges = (byAge: TestReport[]) =>
      reasonIn("ROLLBACK", { tests: byAge, cause: ["activation"] });

    test("names one that has alarmed, though another shows more over the whole life", () => {
      const alarmed = {
        ...young,
        logEvidence: -40,
        alarm: { ...alarmOf(6250), holdout: { n: 100, s: 20 } },
      };
      expect(reasonOfAges([alarmed, old])).toMatch(/within 15 min .* It has fallen since it was kept/);
    });

    test("names one that speaks against the feature, though another has more evidence", () => {
      const healthy = { ...old, treatment: { n: 1000, s: 300 }, rate: 0.3 };
      expect(reasonOfAges([young, healthy])).toContain("within 15 min");
    });
  });

  test.each([
    {
      against: ["holdout", "holdout"],
      subject: "is no worse than its holdout",
    },
    {
      against: ["both", "holdout"],
      subject: "meets its thresholds or is no worse than its holdout",
    },
    { against: ["threshold", "holdout"], subject: "meets its thresholds" },
  ] as const)(
    "by tests against $against bounds the chance for a feature that $subject",
    ({ against, subject }) => {
      const holdout = { n: 500, s: 100 };
      const [first, second] = against;
      const causes = [
        { ...activation, against: first, holdout },
        { ...latency, against: second, holdout },
      ];
      expect(reasonIn("ROLLBACK", { tests: causes, cause: ["activation", "latency"] })).toContain(
        ` a feature that ${subject}, over its whole life`,
      );
    },
  );

  test("of a cause that is not tested any more was decided earlier", () => {
    expect(reasonIn("ROLLBACK", { tests: [activation], cause: ["retention"] })).toBe(
      "ROLLBACK: decided earlier in this trial.",
    );
  });

  test("of failing requests names their share and bound", () => {
    expect(reasonIn("ROLLBACK", { tests: [errorRate], cause: ["errorRate"] })).toContain(
      "error rate 3.0 % (3 of 100 requests) against at most 1.0 % allowed.",
    );
    const slower = { ...latency, against: "holdout", holdout: { n: 400, s: 2 } } as const;
    expect(reasonIn("ROLLBACK", { tests: [slower], cause: ["latency"] })).toContain(
      "slower than 800 ms (1,040 of 52,000) against 0.50 % in the holdout (2 of 400). Evidence 0.5 : 1, needed",
    );
    const compared = { ...errorRate, against: "holdout", holdout: null } as const;
    expect(reasonIn("ROLLBACK", { tests: [compared], cause: ["errorRate"] })).toContain(
      "against a holdout of nobody yet. Evidence 0.5 : 1, needed",
    );
  });

  test("without a cause says why, or that it was decided before", () => {
    expect(reasonIn("ROLLBACK", { obstacle: "the deadline passed" })).toBe("ROLLBACK: the deadline passed.");
    expect(reasonIn("ROLLBACK")).toBe("ROLLBACK: decided earlier in this trial.");
  });
});

describe("KEEP", () => {
  const keep = [keepOf("activation", 340), keepOf("latency", 41.6)];
  const proofs =
    "Activation 11.2 % within 1 d (504 of 4,500 mature; 1,310 not yet mature) against a floor of 15.0 %, evidence 340 : 1; " +
    "latency: 2.0 % of requests slower than 800 ms (1,040 of 52,000) against at most 5.0 % allowed, evidence 42 : 1. " +
    "Needed for each: 20 : 1.";

  test("names each proof and the bar", () => {
    expect(reasonIn("KEEP", { keep })).toBe(`KEEP: ${proofs}`);
  });

  test("names the oldest age of a comparison", () => {
    const young = { ...activation, against: "holdout", ageSeconds: 900 } as const;
    const reason = reasonIn("KEEP", { tests: [young, activation], keep: [keepOf("activation", 340)] });
    expect(reason).toContain("within 1 d");
    expect(reason).not.toContain("within 15 min");
  });

  test("and WATCH says that the feature is watched from then on", () => {
    expect(reasonIn("WATCH", { keep })).toBe(`WATCH: kept, and watched for a later fall. ${proofs}`);
  });
});

describe("while nothing is decided", () => {
  const keep = [
    keepOf("activation", 2),
    keepOf("retention", 20),
    { ...keepOf("latency", 90), counts: false },
  ];

  test.each(["TESTING", "UNDECIDED"] as const)(
    "%s names the signal nearest to a rollback and those not proven",
    (state) => {
      const near = { ...latency, logEvidence: Math.log(2500) };
      const far = { ...activation, logEvidence: Math.log(312) };
      expect(reasonIn(state, { tests: [far, near], keep })).toBe(
        `${state}: Nearest to a rollback: latency: 2.0 % of requests slower than 800 ms (1,040 of 52,000) against at most 5.0 % allowed. ` +
          "Evidence 2,500 : 1, needed 25,000 : 1. Not yet proven good: activation and latency.",
      );
    },
  );

  test("the obstacle is added as a sentence", () => {
    const fresh = { ...activation, treatment: { n: 0, s: 0 }, rate: null };
    expect(reasonIn("INVALID", { obstacle: "telemetry is 90 s behind" })).toBe(
      "INVALID: Telemetry is 90 s behind.",
    );
    expect(reasonIn("TESTING", { keep, obstacle: "telemetry is 20 s behind" })).toMatch(
      / Telemetry is 20 s behind\.$/,
    );
    expect(reasonIn("COLLECTING", { tests: [fresh], obstacle: "telemetry is 20 s behind" })).toBe(
      "COLLECTING: 0 of 1,000 mature units; no unit is exposed yet. Telemetry is 20 s behind.",
    );
  });

  test("of two tests that both count the one nearer to its bar is named, wherever it stands", () => {
    const near = { ...retention, logEvidence: retention.logBar - 1 };
    const far = { ...activation, logEvidence: activation.logBar - 2 };
    const strong = { ...latency, logEvidence: latency.logBar - 1.5 };
    for (const order of [
      [near, far, strong],
      [far, strong, near],
    ])
      expect(reasonIn("TESTING", { tests: order, keep })).toContain(
        "Nearest to a rollback: retention 45.0 %",
      );
  });

  test("an alarm counts for the nearness as evidence does", () => {
    const quiet = { ...activation, logEvidence: activation.logBar - 3 };
    const bar = { ...alarmOf(1), logEvidence: 7, logBar: 9 };
    const stronger = [{ ...retention, logEvidence: -50, alarm: bar }, quiet];
    expect(reasonIn("TESTING", { tests: stronger, keep })).toContain("Nearest to a rollback: retention");
    const weaker = [{ ...retention, logEvidence: -50, alarm: { ...bar, logEvidence: 5 } }, quiet];
    expect(reasonIn("TESTING", { tests: weaker, keep })).toContain("Nearest to a rollback: activation");
    const evident = [
      { ...retention, logEvidence: retention.logBar - 1, alarm: { ...bar, logEvidence: 1 } },
      quiet,
    ];
    expect(reasonIn("TESTING", { tests: evident, keep })).toContain("Nearest to a rollback: retention");
  });

  test("where no test has enough units the nearest of them all is named", () => {
    const few = { ...retention, counts: false, logEvidence: 3 };
    expect(
      reasonIn("TESTING", { tests: [few, { ...activation, counts: false, logEvidence: 0 }], keep }),
    ).toContain("Nearest to a rollback: retention");
  });

  test("a rule without a test has nothing nearest", () => {
    expect(reasonIn("TESTING", { tests: [], keep })).toBe(
      "TESTING: Not yet proven good: activation and latency.",
    );
  });

  test("an unknown rate is not written as 0", () => {
    const unknown = { ...activation, treatment: { n: 0, s: 0 }, rate: null, logEvidence: 0 };
    expect(reasonIn("TESTING", { tests: [unknown], keep })).toContain(
      "activation unknown within 1 d (0 of 0 mature",
    );
  });
});
