// What /metrics says of features, from decisions of the real evaluator.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeDecisionReport } from "../../../origin/evaluate/report-metrics.ts";
import { judgedRule } from "../../../origin/decide/judged-rule.ts";
import type { Decision } from "../../../origin/decide/decision.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, type TestEvaluator } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { insertFeature, insertTelemetry, startEvaluator } = makeTrial(database);

let trial: TestEvaluator;
const decisions: Decision[] = [];
beforeAll(async () => {
  await insertFeature(ruleOf({ errorRateThreshold: 0.02 }));
  await insertTelemetry({ seconds: 60, units: 20, activation: 0.05, retention: 0.1, latencyMs: 50 });
  trial = startEvaluator();
  for (let second = 5; second <= 60; second += 5) {
    const decision = await trial.decisionAt(second);
    if (decision !== undefined) decisions.push(decision);
  }
});

const seriesOf = (text: string, feature: string): Map<string, number> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line.includes(`feature="${feature}"`))
      .map((line) => {
        const at = line.lastIndexOf(" ");
        return [
          line.slice(0, at).replace(`feature="${feature}"`, "").replace("{,", "{"),
          Number(line.slice(at)),
        ];
      }),
  );

test("a feature shows its state, its thresholds, and how far its evidence is from the bar", async () => {
  const last = decisions.at(-1);
  expect(last?.state).toBe("ROLLBACK");
  const metrics = makeMetrics();
  const report = makeDecisionReport(metrics);
  const rule = judgedRule(ruleOf({ errorRateThreshold: 0.02 }), { holdoutBps: 5_000 });
  for (const decision of decisions) report.show({ feature: FEATURE, rule, decision }, 0);
  const series = seriesOf(await metrics.registry.metrics(), FEATURE);
  expect(series.get('sluice_feature_state{state="ROLLBACK"}')).toBe(1);
  expect([...series.keys()].filter((name) => name.startsWith("sluice_feature_state"))).toHaveLength(1);
  expect(series.get("sluice_rule_enforced{}")).toBe(1);
  expect(series.get('sluice_signal_threshold{signal="activation"}')).toBe(0.15);
  expect(series.get('sluice_signal_threshold{signal="p95_latency"}')).toBe(200);
  const of = (name: string) => series.get(`sluice_${name}{signal="activation",for="rollback"}`) ?? Number.NaN;
  expect(of("log_evidence_bar")).toBeGreaterThan(1);
  expect(of("log_evidence")).toBeGreaterThan(of("log_evidence_bar"));
  const latency = series.get('sluice_log_evidence{signal="p95_latency",for="rollback"}') ?? Number.NaN;
  expect(latency).toBeLessThan(of("log_evidence_bar"));
});

test("a thousand features have at most 40 series each, and leave none but counters when they are not evaluated any more", async () => {
  const metrics = makeMetrics();
  const report = makeDecisionReport(metrics);
  const rule = judgedRule(ruleOf({ errorRateThreshold: 0.02 }), { holdoutBps: 5_000 });
  for (let i = 0; i < 1_000; i += 1)
    for (const decision of decisions) report.show({ feature: `feat_${i}`, rule, decision }, 0);
  const linesWith = async () =>
    (await metrics.registry.metrics()).split("\n").filter((line) => line.includes('feature="'));
  const lines = await linesWith();
  expect(lines.length).toBeGreaterThan(10_000);
  expect(lines.length).toBeLessThanOrEqual(40_000);
  report.forgetOld(59);
  expect(await linesWith()).toHaveLength(lines.length);
  report.forgetOld(60);
  expect((await linesWith()).filter((line) => !line.startsWith("sluice_decisions_total"))).toEqual([]);
});

test("a feature that is closed leaves what it measured for a minute and no longer", async () => {
  const shown = async () => seriesOf(await trial.metrics.registry.metrics(), FEATURE);
  await trial.decisionAt(65);
  expect((await shown()).has('sluice_cohort_size{cohort="treatment"}')).toBe(true);
  await trial.decisionAt(121);
  const names = [...(await shown()).keys()].map((name) => name.split("{")[0]);
  expect(new Set(names)).toEqual(new Set(["sluice_decisions_total"]));
});
