import { describe, expect, test } from "vitest";
import { Rule } from "../../shared/features/rule.ts";
import { issuesOf } from "../support/issues.ts";

const least = {
  featureId: "feat_a",
  activationThreshold: 0.15,
  retentionThreshold: 0.3,
  latencyP95Threshold: 200,
  minCohortSize: 500,
  evaluationWindowSeconds: 3_600,
};

const wrongFields = (fields: object): string[] => [
  ...new Set(issuesOf(Rule, { ...least, ...fields }).map((issue) => issue.split(":")[0] ?? "")),
];

test("the pattern's six fields must be there; the others have defaults", () => {
  expect(Rule.parse(least)).toEqual({
    ...least,
    mode: "shadow",
    activationWindowSeconds: 86_400,
    retentionWindowSeconds: 604_800,
    returnAfterSeconds: 86_400,
    falseRollbackRate: 0.0004,
    latency: { of: "all" },
    compare: {},
    onFailure: "rollback",
    onDeadline: "extend",
  });
  for (const field of Object.keys(least)) expect(wrongFields({ [field]: undefined })).toEqual([field]);
});

test.each([
  { activationThreshold: 0, retentionThreshold: 0, errorRateThreshold: 0 },
  { activationThreshold: 1, retentionThreshold: 1, errorRateThreshold: 1 },
  { latencyP95Threshold: 0.5, minCohortSize: 1, evaluationWindowSeconds: 1 },
  { activationWindowSeconds: 1, retentionWindowSeconds: 1, returnAfterSeconds: 1 },
  { falseRollbackRate: 0.5, mode: "enforce", onFailure: "throttle", onDeadline: "rollback" },
  { onFailure: "rollback", onDeadline: "extend", mode: "shadow" },
  { prior: { alpha: 0.1, beta: 0.1 } },
  { compare: { activation: "holdout", retention: "threshold", latency: "holdout", errorRate: "holdout" } },
  { compare: { latency: "threshold" } },
  { compare: { activation: "both", retention: "both", latency: "both", errorRate: "both" } },
  { latency: { of: "documents" } },
  { latency: { of: "all" } },
  { latency: {} },
  { ramp: { stagesBps: [1], minStageSeconds: 1 } },
  { ramp: { stagesBps: [1, 2, 10_000], minStageSeconds: 60 } },
])("%j is accepted", (fields) => {
  expect(wrongFields(fields)).toEqual([]);
});

test.each([
  ["activationThreshold", [-0.01, 1.01, "0.1", null]],
  ["retentionThreshold", [-0.01, 1.01]],
  ["errorRateThreshold", [-0.01, 1.01]],
  ["latencyP95Threshold", [0, -1]],
  ["minCohortSize", [0, 1.5]],
  ["evaluationWindowSeconds", [0, 1.5]],
  ["activationWindowSeconds", [0, 0.5]],
  ["retentionWindowSeconds", [0, 0.5]],
  ["returnAfterSeconds", [0, 0.5]],
  ["falseRollbackRate", [0, 0.51]],
  ["mode", ["on"]],
  ["onFailure", ["close", ""]],
  ["onDeadline", ["keep", ""]],
])("%s is refused as any of %j", (field, values) => {
  for (const value of values) expect(wrongFields({ [field]: value })).toEqual([field]);
});

test("a field that nobody knows is refused, not left out", () => {
  expect(wrongFields({ activationTreshold: 0.2 })).toEqual([""]);
  expect(wrongFields({ prior: { alpha: 1, beta: 1, gamma: 1 } })).toEqual(["prior"]);
  expect(wrongFields({ compare: { latencies: "holdout" } })).toEqual(["compare"]);
  expect(wrongFields({ ramp: { stagesBps: [1], minStageSeconds: 1, steps: 3 } })).toEqual(["ramp"]);
  expect(wrongFields({ latency: { of: "all", percentile: 99 } })).toEqual(["latency"]);
});

test("the latency of all requests is judged, unless the rule says of which", () => {
  expect(Rule.parse({ ...least, latency: {} }).latency).toEqual({ of: "all" });
  for (const wrong of ["assets", ""]) expect(wrongFields({ latency: { of: wrong } })).toEqual(["latency.of"]);
});

test("a prior has two positive parts", () => {
  expect(wrongFields({ prior: { alpha: 0, beta: 1 } })).toEqual(["prior.alpha"]);
  expect(wrongFields({ prior: { alpha: 1, beta: 0 } })).toEqual(["prior.beta"]);
  expect(wrongFields({ prior: { alpha: 1 } })).toEqual(["prior.beta"]);
});

test("a signal is held against its threshold or the holdout, and nothing else", () => {
  for (const signal of ["activation", "retention", "latency", "errorRate"])
    expect(wrongFields({ compare: { [signal]: "yesterday" } })).toEqual([`compare.${signal}`]);
});

describe("the stages of a ramp", () => {
  const wrongIn = (...stagesBps: number[]) => wrongFields({ ramp: { stagesBps, minStageSeconds: 60 } });

  test("rise from each to the next", () => {
    expect(wrongIn(100, 2_000, 10_000)).toEqual([]);
    expect(wrongIn(100, 100)).toEqual(["ramp.stagesBps"]);
    expect(wrongIn(100, 2_000, 1_000)).toEqual(["ramp.stagesBps"]);
    expect(wrongIn(2_000, 1_000, 3_000)).toEqual(["ramp.stagesBps"]);
  });

  test("are at least one, each between 1 and 10,000 basis points", () => {
    expect(wrongIn()).toEqual(["ramp.stagesBps"]);
    expect(wrongIn(0)).toContain("ramp.stagesBps.0");
    expect(wrongIn(1, 10_001)).toEqual(["ramp.stagesBps.1"]);
  });

  test("last at least a second", () => {
    expect(wrongFields({ ramp: { stagesBps: [1], minStageSeconds: 0 } })).toEqual(["ramp.minStageSeconds"]);
  });
});

const DAY = 86_400;

test.each([
  ["activationWindowSeconds", 400 * DAY],
  ["retentionWindowSeconds", 400 * DAY],
  ["returnAfterSeconds", 400 * DAY],
  ["evaluationWindowSeconds", 3_650 * DAY],
  ["latencyP95Threshold", 3_600_000],
  ["minCohortSize", 1_000_000_000],
])("%s fits the columns that it is counted in: at most %i", (field, most) => {
  expect(wrongFields({ [field]: most })).toEqual([]);
  expect(wrongFields({ [field]: most + 1 })).toEqual([field]);
});

test("the parts of a prior and the stages of a ramp have bounds too", () => {
  const most = 1_000_000_000;
  expect(wrongFields({ prior: { alpha: most, beta: most } })).toEqual([]);
  expect(wrongFields({ prior: { alpha: most + 1, beta: 1 } })).toEqual(["prior.alpha"]);
  expect(wrongFields({ prior: { alpha: 1, beta: most + 1 } })).toEqual(["prior.beta"]);
  const stagesBps = Array.from({ length: 101 }, (_, i) => i + 1);
  const ramp = { stagesBps: stagesBps.slice(1), minStageSeconds: 3_650 * DAY };
  expect(wrongFields({ ramp })).toEqual([]);
  expect(wrongFields({ ramp: { ...ramp, stagesBps } })).toEqual(["ramp.stagesBps"]);
  expect(wrongFields({ ramp: { ...ramp, minStageSeconds: 3_650 * DAY + 1 } })).toEqual([
    "ramp.minStageSeconds",
  ]);
});

test("a window that is too long is refused in seconds and in days", () => {
  expect(issuesOf(Rule, { ...least, activationWindowSeconds: 3_000_000_000 })).toEqual([
    "activationWindowSeconds: must be at most 34560000 seconds (400 days)",
  ]);
  expect(issuesOf(Rule, { ...least, evaluationWindowSeconds: 3_000_000_000 })).toEqual([
    "evaluationWindowSeconds: must be at most 315360000 seconds (3650 days)",
  ]);
});
