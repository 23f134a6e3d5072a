// A feature that cannot be evaluated keeps no other from being evaluated.
import { afterAll, beforeEach, expect, test } from "vitest";
import { makeTestDatabase } from "../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);

const POISONED = "feat_poisoned";

/** Beside the failing feature of the trial: one more, open and with a rule, whose rows are then spoiled. */
beforeEach(async () => {
  await pool.query(
    "truncate fold_quarantine, feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, pmf_ramps, bot_requests cascade",
  );
  await insertTrafficUntil(10_000);
  await insertFeature(ruleOf());
  await insertTelemetry({ seconds: 60, units: 20, activation: 0.02, retention: 0.6, latencyMs: 50 });
  await pool.query(
    `insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, epoch_started_at, revision)
     values ($1, true, 5000, 5000, to_timestamp($2), 1)`,
    [POISONED, START],
  );
  await pool.query("insert into pmf_rules (feature_id, rule) values ($1, $2)", [
    POISONED,
    JSON.stringify({ ...ruleOf(), featureId: POISONED }),
  ]);
});

const spoilTrial = (column: string, value: unknown) =>
  pool.query(
    `update pmf_trials set ${column} = $2, seq = seq + 1, updated_at = now() where feature_id = $1`,
    [POISONED, value],
  );
const setRule = (rule: object) =>
  pool.query("update pmf_rules set rule = $2, version = version + 1 where feature_id = $1", [
    POISONED,
    JSON.stringify(rule),
  ]);
const goodRule = { ...ruleOf(), featureId: POISONED };

test.each([
  [
    "its rule has a window beyond its column",
    () => setRule({ ...goodRule, activationWindowSeconds: 3_000_000_000 }),
  ],
  ["its rule lacks a threshold", () => setRule({ featureId: POISONED })],
  ["its rule is no object", () => setRule([])],
  [
    "its telemetry is set aside",
    () =>
      pool.query("insert into fold_quarantine values ($1, 1, 2, now(), 'integer out of range')", [POISONED]),
  ],
  ["its stored evidence is empty", () => spoilTrial("evidence", "{}")],
  ["its stored sketch is cut off", () => spoilTrial("treatment_sketch", Buffer.from([9]))],
])("the failing feature is rolled back although another cannot be evaluated: %s", async (_title, spoil) => {
  const { evaluator, rollbacks, clock, metrics } = startEvaluator();
  clock.now = START + 1;
  await evaluator.evaluate();
  await spoil();
  clock.now = START + 60;
  const outcomes = await evaluator.evaluate();
  expect(outcomes.find(({ featureId }) => featureId === FEATURE)?.effect).toBe("rolledBack");
  expect(rollbacks.map(({ featureId }) => featureId)).toEqual([FEATURE]);
  expect(outcomes.some(({ featureId }) => featureId === POISONED)).toBe(false);
  expect(await metrics.registry.metrics()).toContain(`sluice_evaluation_failed{feature="${POISONED}"} 1`);
});

test("a feature whose rule is set right is evaluated again, and no longer shown as failing", async () => {
  await setRule({ featureId: POISONED });
  const { evaluator, clock, metrics } = startEvaluator();
  clock.now = START + 1;
  expect((await evaluator.evaluate()).some(({ featureId }) => featureId === POISONED)).toBe(false);
  await setRule(goodRule);
  clock.now = START + 2;
  expect((await evaluator.evaluate()).some(({ featureId }) => featureId === POISONED)).toBe(true);
  expect(await metrics.registry.metrics()).not.toContain(`sluice_evaluation_failed{feature="${POISONED}"`);
});

test("a feature that cannot be evaluated is not shown as checked, and no longer as failing once it is gone", async () => {
  const { evaluator, clock, metrics } = startEvaluator();
  clock.now = START + 1;
  await evaluator.evaluate();
  await spoilTrial("evidence", "{}");
  clock.now = START + 60;
  await evaluator.evaluate();
  const lookedAt = async (featureId: string) => {
    const { rows } = await pool.query<{ at: number }>(
      "select extract(epoch from looked_at)::float8 as at from pmf_looks where feature_id = $1",
      [featureId],
    );
    return (rows[0]?.at ?? 0) - START;
  };
  expect([await lookedAt(FEATURE), await lookedAt(POISONED)]).toEqual([60, 1]);
  expect(await metrics.registry.metrics()).toContain(`sluice_evaluation_failed{feature="${POISONED}"} 1`);
  await pool.query("delete from feature_flags where feature_id = $1", [POISONED]);
  clock.now = START + 61;
  await evaluator.evaluate();
  expect(await metrics.registry.metrics()).not.toContain(`sluice_evaluation_failed{feature="${POISONED}"`);
});
