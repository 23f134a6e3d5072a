// What `why` says of a feature through its life, from evidence that the evaluator itself judged.
import { afterAll, beforeEach, expect, test } from "vitest";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);
let second = 0;
const { request } = makeAdminApp({ pool, now: () => START + second });

const whyAt = async (at: number) => {
  second = at;
  const response = await request(`/features/${FEATURE}/why`);
  expect(response.status).toBe(200);
  return JSON.parse(await response.text());
};

beforeEach(async () => {
  await pool.query(
    "truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, pmf_ramps, bot_requests cascade",
  );
  await insertTrafficUntil(10_000);
});

test("a feature that nobody met says so, and names no signal", async () => {
  await insertFeature(ruleOf());
  const why = await whyAt(1);
  expect(why).toMatchObject({ verdict: null, signals: [], missing: [], checkedAt: null });
  expect(why.summary).toMatch(/nobody is counted yet/);
});

test("a failing feature: who is missing, then how far it is and when, then that a person must open it", async () => {
  await insertFeature(ruleOf({ minCohortSize: 300 }));
  await insertTelemetry({ seconds: 60, units: 40, activation: 0.1, retention: 0.5, latencyMs: 50 });
  const { stateAt } = startEvaluator();

  expect(await stateAt(8)).toBe("COLLECTING");
  const early = await whyAt(8);
  expect(early.missing.join()).toMatch(/activation needs 300 mature units in treatment and has \d+/);
  expect(early.cohorts.treatment.exposed).toBeGreaterThan(0);
  expect(early.cohorts.treatment.perDay).toBeGreaterThan(40 * 80_000);

  let at = 9;
  while ((await stateAt(at)) !== "TESTING") at += 1;
  const during = await whyAt(at);
  const activation = during.signals.find((one: { signal: string }) => one.signal === "activation");
  expect(activation.rollback.progress).toBeGreaterThan(0);
  expect(activation.interval.lower).toBeLessThan(0.1);
  expect(activation.interval.upper).toBeGreaterThan(0.1);
  expect(during.rollback.sentence).toMatch(
    /The nearest is activation, at .* : 1 of .* : 1 and beside the holdout/,
  );

  while ((await stateAt(at)) !== "ROLLBACK") at += 1;
  const after = await whyAt(at);
  expect(after.verdict).toMatchObject({ state: "ROLLBACK", sentence: expect.stringMatching(/^ROLLBACK: /) });
  expect(after.rollback).toEqual({ sentence: "It is rolled back.", expected: null });
  expect(after.keep.sentence).toMatch(/Only a person opens it again/);
  const cause = after.signals.find((one: { rollback: { progress: number } }) => one.rollback.progress === 1);
  expect(cause.rollback.logEvidence).toBeGreaterThanOrEqual(cause.rollback.logBar);
});

test("a good feature: which signal is not proven yet, and afterwards what would still close it", async () => {
  await insertFeature(ruleOf());
  await insertTelemetry({ seconds: 60, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
  const { stateAt } = startEvaluator();
  let at = 9;
  while ((await stateAt(at)) !== "TESTING") at += 1;
  const during = await whyAt(at);
  expect(during.keep.expected).toMatchObject({
    signal: "retention",
    of: "units",
    more: expect.any(Number),
    seconds: expect.any(Number),
  });
  expect(during.keep.sentence).toMatch(
    /^It is kept when each signal is proven to meet its threshold\. Missing: retention \(\d+ of 200\)\. At the rates/,
  );
  expect(await stateAt(60)).toBe("KEEP");
  const after = await whyAt(60);
  expect(after.keep.sentence).toBe("It is kept.");
  expect(after.rollback.sentence).toMatch(/^It is watched/);
});

test("warnings name what nobody has set up: no holdout, no activation, a rule that cannot decide", async () => {
  await insertFeature(ruleOf({ minCohortSize: 1_000_000 }));
  await pool.query("update feature_flags set holdout_bps = 0, activation = null");
  await insertTelemetry({ seconds: 60, units: 40, activation: 0.3, retention: 0.6, latencyMs: 50 });
  const { warnings } = await whyAt(60);
  expect(warnings.join()).toMatch(/there is no holdout/);
  expect(warnings.join()).toMatch(/names no request that counts as activation/);
  expect(warnings.join()).toMatch(/minCohortSize is 1,000,000/);
});
