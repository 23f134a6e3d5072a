// How many units met a feature: what its first trial has counted, and the buckets behind.
import { afterAll, beforeEach, expect, test } from "vitest";
import { allTogether } from "../../../origin/evaluate/aggregates.ts";
import { readExposed } from "../../../origin/evaluate/read-exposed.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);
const read = () =>
  readExposed(database.servicePool, [allTogether(database.servicePool)], {
    featureId: FeatureId.parse(FEATURE),
    epoch: 1,
  });
/** Every bucket of the epoch, as it is in the table. */
const readAll = async () => {
  const { rows } = await pool.query(
    `select sum(units) filter (where cohort = 'treatment')::float8 as treatment,
       sum(units) filter (where cohort = 'holdout')::float8 as holdout,
       min(bucket_s)::float8 as "firstS", max(bucket_s)::float8 as "newestS"
     from outcome_counts where feature_id = $1 and epoch = 1 and signal = 'exposure'`,
    [FEATURE],
  );
  return rows[0];
};

beforeEach(async () => {
  await pool.query(
    "truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials cascade",
  );
  await insertTrafficUntil(10_000);
  await insertFeature(ruleOf());
});

test("nobody is counted before anybody came", async () => {
  expect(await read()).toEqual({ treatment: 0, holdout: 0, firstS: null, newestS: null });
});

test("before the first evaluation every bucket is read, and after it the same units are counted", async () => {
  await insertTelemetry({ seconds: 60, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
  const all = await readAll();
  expect(all.treatment).toBe(1_200);
  expect(await read()).toEqual(all);
  const { stateAt } = startEvaluator();
  for (const second of [10, 30, 70]) {
    await stateAt(second);
    expect(await read()).toEqual(all);
  }
});

test("buckets that the trial has counted are not read again", async () => {
  await insertTelemetry({ seconds: 60, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
  const all = await readAll();
  await startEvaluator().stateAt(30);
  await pool.query("delete from outcome_counts where bucket_s < $1", [START + 10]);
  expect(await read()).toEqual(all);
});

test("a trial that began later than the epoch says nothing of those before: every bucket is read", async () => {
  await insertTelemetry({ seconds: 60, units: 20, activation: 0.3, retention: 0.6, latencyMs: 50 });
  const all = await readAll();
  const { stateAt } = startEvaluator();
  await stateAt(10);
  await pool.query("update pmf_rules set version = 2, rule = rule || $1", [
    JSON.stringify({ activationThreshold: 0.2 }),
  ]);
  await stateAt(20);
  const { rows } = await pool.query("select (evidence ->> 'since')::float8 as since from pmf_trials");
  expect(rows[0].since).toBeGreaterThan(START);
  expect(await read()).toEqual(all);
});
