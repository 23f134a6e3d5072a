// Which changes of a rule start its evidence from nothing.
import { describe, expect, test } from "vitest";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import { termsOf } from "../../../origin/evaluate/trial-terms.ts";
import { Rule } from "../../../shared/features/rule.ts";

const base = {
  featureId: "feat_example",
  activationThreshold: 0.15,
  retentionThreshold: 0.4,
  latencyP95Threshold: 200,
  minCohortSize: 1000,
  evaluationWindowSeconds: 3600,
};
const termsWith = (over: object, holdoutBps = 0): string =>
  termsOf(judgedRule(Rule.parse({ ...base, ...over }), { holdoutBps }));

describe("a changed rule starts a new trial when it changes", () => {
  test.each([
    { mode: "enforce" },
    { activationThreshold: 0.16 },
    { retentionThreshold: 0.41 },
    { latencyP95Threshold: 201 },
    { errorRateThreshold: 0.02 },
    { minCohortSize: 1001 },
    { activationWindowSeconds: 43_200 },
    { retentionWindowSeconds: 1_209_600 },
    { returnAfterSeconds: 43_200 },
    { falseRollbackRate: 0.001 },
    { prior: { alpha: 2, beta: 8 } },
    { compare: { activation: "holdout" } },
    { compare: { retention: "holdout" } },
    { compare: { latency: "holdout" } },
    { compare: { activation: "both" } },
    { latency: { of: "documents" } },
  ])("%o", (over) => {
    expect(termsWith(over)).not.toBe(termsWith({}));
  });
});

test("a holdout that a feature is given or loses starts a new trial, where its signals are held against it", () => {
  expect(termsWith({}, 500)).not.toBe(termsWith({}));
  expect(termsWith({}, 500)).toBe(termsWith({}, 1000));
});

test("beside a holdout what the error rate is held against is a term", () => {
  const bounded = { errorRateThreshold: 0.02 };
  expect(termsWith({ ...bounded, compare: { errorRate: "both" } }, 500)).not.toBe(termsWith(bounded, 500));
  expect(termsWith({ ...bounded, compare: { errorRate: "holdout" } }, 500)).toBe(termsWith(bounded, 500));
});

describe("a changed rule goes on with its trial when it changes", () => {
  test.each([
    { evaluationWindowSeconds: 7200 },
    { onFailure: "throttle" },
    { onDeadline: "rollback" },
    { ramp: { stagesBps: [500, 10_000], minStageSeconds: 600 } },
  ])("%o", (over) => {
    expect(termsWith(over)).toBe(termsWith({}));
  });
});

test("a default that is written down is no change", () => {
  const compare = {
    activation: "threshold",
    retention: "threshold",
    latency: "threshold",
    errorRate: "threshold",
  };
  expect(termsWith({ compare, mode: "shadow", falseRollbackRate: 0.0004 })).toBe(termsWith({}));
});

test("the terms are written as the trials of existing data folders have them", () => {
  expect(termsWith({})).toBe(
    '[2,"shadow",0.15,0.4,200,null,1000,{"activation":[900,1800,3600,21600,86400],"retention":[259200,604800],"bucketSeconds":180},86400,0.0004,null,"threshold","threshold","threshold",[],"all"]',
  );
});

test("a trial whose evidence an earlier version gathered begins again", () => {
  expect(termsWith({})).not.toMatch(/^\["shadow"/);
});
