// What a rule's own fields make impossible, in sentences with the figures.
import { expect, test } from "vitest";
import { blindnessOf } from "../../../origin/decide/blind-signals.ts";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import { ruleContradictions } from "../../../origin/decide/planning/rule-contradictions.ts";
import { Rule } from "../../../shared/features/rule.ts";

const DAY = 86_400;

const ruleOf = (over: object, holdoutBps: number) =>
  judgedRule(
    Rule.parse({
      featureId: "feat_example",
      activationThreshold: 0.15,
      retentionThreshold: 0,
      latencyP95Threshold: 200,
      minCohortSize: 1_000,
      evaluationWindowSeconds: 100 * DAY,
      mode: "enforce",
      ...over,
    }),
    { holdoutBps },
  );
const warningsOf = (over: object, holdoutBps = 1_000): string[] =>
  ruleContradictions(ruleOf(over, holdoutBps), 62);
const ramp = { stagesBps: [100, 1_000, 5_000], minStageSeconds: DAY };

test.each([
  {},
  { retentionThreshold: 0.4 },
  { retentionThreshold: 0.4, retentionWindowSeconds: 62 * DAY },
  { retentionThreshold: 0.4, returnAfterSeconds: 1_800 },
  { returnAfterSeconds: 60 },
  { retentionWindowSeconds: 90 * DAY },
  { latencyP95Threshold: 10_000 },
  { errorRateThreshold: 0.001 },
  { falseRollbackRate: 0.05 },
  { ramp },
  { ramp, onFailure: "throttle" },
  { prior: { alpha: 2, beta: 8 } },
  { compare: { activation: "both", latency: "holdout", errorRate: "both" }, errorRateThreshold: 0.01 },
])("%j contradicts nothing", (over) => {
  expect(warningsOf(over)).toEqual([]);
});

test.each([
  [
    { retentionThreshold: 0.4, retentionWindowSeconds: 63 * DAY },
    "retentionWindowSeconds is 5443200 (63 d) and otel_spans keeps 62 d (RAW_KEEP_DAYS): the spans of the first visits may be gone when they are decided about; the counts stay",
  ],
  [
    { activationWindowSeconds: 63 * DAY },
    "activationWindowSeconds is 5443200 (63 d) and otel_spans keeps 62 d (RAW_KEEP_DAYS): the spans of the first visits may be gone when they are decided about; the counts stay",
  ],
  [
    { activationThreshold: 1 },
    "activationThreshold is 1: one unit that fails is enough evidence, so no feature with many units meets it",
  ],
  [
    { retentionThreshold: 0.4, returnAfterSeconds: 1_799 },
    "returnAfterSeconds is 1799 (30 min): the next page of the same visit may count as a return",
  ],
  [
    { compare: { retention: "both" } },
    'compare.retention is "both", and retentionThreshold is 0: retention is not tested at all',
  ],
  [
    { latencyP95Threshold: 10_001 },
    "latencyP95Threshold is 10,001 ms and the edge waits UNFINISHED_AFTER_MS for a response, 10,000 ms unless set (at most 25,000): a response that never ends may not count as slow",
  ],
  [
    { errorRateThreshold: 0 },
    "errorRateThreshold is 0: no number of requests proves that none ever fails, so the feature is never kept",
  ],
  [
    { onFailure: "throttle" },
    'onFailure is "throttle" and the rule has no ramp: a proven failure closes the feature',
  ],
  [{ ramp, mode: "shadow" }, 'mode is "shadow": the ramp does not rise before it is "enforce"'],
  [
    { ramp: { ...ramp, minStageSeconds: 50 * DAY } },
    "the ramp takes at least 8640000 (100 d) for its 3 stages and the deadline, evaluationWindowSeconds, is 8640000 (100 d): the last stage comes after it",
  ],
  [
    { falseRollbackRate: 0.2 },
    "falseRollbackRate is 0.2: up to 20.0 % of the features that meet their thresholds are rolled back",
  ],
  [
    { activationThreshold: 0, retentionThreshold: 0.4, prior: { alpha: 2, beta: 8 } },
    "prior is about activation, and activationThreshold is 0: it is not used",
  ],
])("%j is named with its figure", (over, warning) => {
  expect(warningsOf(over)).toEqual([warning]);
});

test("a comparison that has lost its holdout is named with the way out, by every signal that it blinds", () => {
  const blind = { compare: { activation: "both", latency: "holdout" } };
  expect(warningsOf(blind, 0)).toEqual([
    "compare.activation and compare.latency ask for the holdout, and the feature has none: activation and latency can roll nothing back. Give the feature a holdout, or set the rule without it",
  ]);
  expect(warningsOf(blind, 1)).toEqual([]);
});

test.each([
  [{ compare: { activation: "holdout" } }, "compare.activation asks"],
  [{ retentionThreshold: 0.4, compare: { retention: "both" } }, "compare.retention asks"],
  [{ compare: { errorRate: "holdout" }, errorRateThreshold: 0.01 }, "compare.errorRate asks"],
])("%j without a holdout is blind", (over, says) => {
  expect(blindnessOf(ruleOf(over, 0))).toContain(says);
  expect(blindnessOf(ruleOf(over, 1))).toBeNull();
});

test.each([
  {},
  { compare: { activation: "threshold" } },
  { compare: { retention: "holdout" } },
  { compare: { errorRate: "holdout" } },
])("%j sees without a holdout", (over) => {
  expect(blindnessOf(ruleOf(over, 0))).toBeNull();
});
