// The signals of a rule, with what each is held against and by which evidence.
import { expect, test } from "vitest";
import { emptyEvidence } from "../../../origin/decide/evidence.ts";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import { keepTests } from "../../../origin/decide/keep-tests.ts";
import { rollbackTests } from "../../../origin/decide/rollback-tests.ts";
import { trafficSignals } from "../../../origin/decide/signals.ts";
import { agesOf } from "../../../shared/features/outcome-ages.ts";
import { Rule } from "../../../shared/features/rule.ts";

const ruleWith = (over: Partial<Rule>) =>
  judgedRule(
    Rule.parse({
      featureId: "feat_example",
      activationThreshold: 0.15,
      retentionThreshold: 0.4,
      latencyP95Threshold: 200,
      minCohortSize: 1000,
      evaluationWindowSeconds: 3600,
      ...over,
    }),
    { holdoutBps: 5_000 },
  );
const empty = emptyEvidence(agesOf(ruleWith({})), 0, { rolloutBps: 5_000, holdoutBps: 5_000 });
const traffic = {
  ...empty.traffic,
  errors: { ...empty.traffic.errors, requests: { treatment: { n: 10, s: 1 }, holdout: { n: 9, s: 0 } } },
  lost: { ...empty.traffic.lost, requests: { treatment: { n: 10, s: 4 }, holdout: { n: 9, s: 2 } } },
};
const evidence = { ...empty, traffic };

test("an error rate without a bound is compared with the holdout by what was lost, and needs no proof", () => {
  const [latency, errorRate, ...more] = trafficSignals(ruleWith({}), evidence);
  expect(latency).toMatchObject({ name: "latency", against: "both", threshold: 0.05 });
  expect(errorRate).toEqual({
    name: "errorRate",
    against: "holdout",
    threshold: 1,
    traffic: traffic.errors,
    compared: traffic.lost,
  });
  expect(more).toEqual([]);
  const report = rollbackTests(ruleWith({}), evidence).find(({ signal }) => signal === "errorRate");
  expect(report).toMatchObject({ treatment: { n: 10, s: 4 }, holdout: { n: 9, s: 2 }, rate: 0.4 });
  expect(keepTests(ruleWith({}), evidence).map(({ signal }) => signal)).toEqual([
    "activation",
    "retention",
    "latency",
  ]);
});

test("a bound that the rule names is tested by failed requests, beside the comparison, and proven once", () => {
  const rule = ruleWith({ errorRateThreshold: 0.02, compare: { errorRate: "both" } });
  const reports = rollbackTests(rule, evidence).filter(({ signal }) => signal === "errorRate");
  expect(reports).toMatchObject([
    {
      against: "both",
      threshold: 0.02,
      treatment: { n: 10, s: 1 },
      comparison: { logBar: reports[0]?.logBar },
    },
    { against: "holdout", threshold: 0.02, treatment: { n: 10, s: 4 }, comparison: null },
  ]);
  expect(keepTests(rule, evidence).map(({ signal }) => signal)).toEqual([
    "activation",
    "retention",
    "latency",
    "errorRate",
  ]);
});

test("the alarm of an error rate held against both has the lost requests' detector beside its own", () => {
  const rule = ruleWith({ errorRateThreshold: 0.02, compare: { errorRate: "both" } });
  const since = (detector: number[]) => ({ detector, besideHoldout: [], run: traffic.errors.requests });
  const kept = {
    ...evidence,
    traffic: {
      ...traffic,
      latency: { ...traffic.latency, sinceKept: { ...since([1]), besideHoldout: [4] } },
      errors: { ...traffic.errors, sinceKept: since([2]) },
      lost: { ...traffic.lost, sinceKept: since([3]) },
    },
  };
  const alarms = rollbackTests(rule, kept)
    .filter(({ ageSeconds }) => ageSeconds === null)
    .map(({ alarm }) => [alarm?.logEvidence, alarm?.comparison?.logEvidence]);
  expect(alarms).toEqual([
    [1, 4],
    [2, 3],
    [3, undefined],
  ]);
});
