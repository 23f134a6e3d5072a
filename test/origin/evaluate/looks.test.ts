// When a feature was evaluated last, as the admin API shows it.
import { afterAll, beforeEach, expect, test } from "vitest";
import { makeLooks } from "../../../origin/evaluate/looks.ts";
import { makePool } from "../../../origin/db/pool.ts";
import { serviceUrlOf } from "../../../origin/db/service-role.ts";
import { FeatureId } from "../../../shared/ids.ts";
import { makeAdminApp } from "../../support/admin-app.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { waitFor } from "../../support/telemetry.ts";
import { FEATURE, makeTrial, ruleOf, START } from "../../support/trial.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { insertFeature, insertTelemetry, insertTrafficUntil, startEvaluator } = makeTrial(database);
const { request } = makeAdminApp({ pool });

type Signals = { checkedAt: string | null; latest: { at: string; decision: { reason: string } } | null };
const readSignals = async (): Promise<Signals> =>
  JSON.parse(await (await request(`/features/${FEATURE}/signals`)).text());
const secondsAfterStart = (time: string | null | undefined): number =>
  new Date(time ?? Number.NaN).getTime() / 1_000 - START;

beforeEach(async () => {
  await pool.query(
    "truncate feature_flags, outcome_counts, latency_sketches, pmf_evaluations, pmf_trials, pmf_ramps, bot_requests cascade",
  );
  await insertTrafficUntil(10_000);
});

test("checkedAt goes on while no evaluation is worth a row", async () => {
  await insertFeature(ruleOf({ minCohortSize: 1_000_000 }));
  expect((await readSignals()).checkedAt).toBeNull();
  const { stateAt } = startEvaluator();
  await stateAt(1);
  expect(secondsAfterStart((await readSignals()).checkedAt)).toBe(1);
  for (let second = 2; second <= 30; second++) await stateAt(second);
  const { checkedAt, latest } = await readSignals();
  expect(secondsAfterStart(latest?.at)).toBe(1);
  expect(secondsAfterStart(checkedAt)).toBeGreaterThanOrEqual(25);
});

test("while a feature collects, the stored reason says how many units wait and when the first is mature", async () => {
  await insertFeature(ruleOf());
  await insertTelemetry({ seconds: 60, units: 40, activation: 0.3, retention: 0.6, latencyMs: 50 });
  const { stateAt } = startEvaluator();
  await stateAt(3);
  expect((await readSignals()).latest?.decision.reason).toBe(
    "COLLECTING: 0 of 200 mature units; no unit is exposed yet.",
  );
  // Windows of 8 s and 20 s, buckets of 1 s, 4 s of allowed lateness: the bucket that began at 0 is mature at 13.
  expect(await stateAt(12)).toBe("COLLECTING");
  expect((await readSignals()).latest?.decision.reason).toBe(
    "COLLECTING: 0 of 200 mature units; 320 wait, the first is mature at 2027-01-15 08:00:13 UTC.",
  );
  expect(await stateAt(14)).toBe("COLLECTING");
  expect((await readSignals()).latest?.decision.reason).toBe("COLLECTING: 80 of 200 mature units; 320 wait.");
});

test("a feature that is deleted meanwhile takes its look with it, and fails no other's", async () => {
  await insertFeature(ruleOf());
  const looks = makeLooks(pool);
  const ids = [FEATURE, "feat_deleted", "feat_other"].map((id) => FeatureId.parse(id));
  await looks.note(ids, START);
  const looked = () =>
    pool
      .query<{ feature_id: string }>("select feature_id from pmf_looks order by feature_id")
      .then(({ rows }) => rows.map((row) => row.feature_id));
  expect(await looked()).toEqual(["feat_other", FEATURE]);
  await pool.query("delete from feature_flags where feature_id = 'feat_other'");
  await looks.note(ids, START + 10);
  expect(await looked()).toEqual([FEATURE]);
});

test("the service's own role may take note of looks", async () => {
  await insertFeature(ruleOf());
  const url = await serviceUrlOf(database.url);
  if (url === null) throw new Error("no service role");
  const service = makePool(url, { applicationName: "sluice-test-service", onIdleError: () => {} });
  try {
    const id = FeatureId.parse(FEATURE);
    await makeLooks(service).note([id], START);
    await makeLooks(service).note([id], START + 10);
  } finally {
    await service.end();
  }
  expect(secondsAfterStart((await readSignals()).checkedAt)).toBe(10);
});

test("a feature that is deleted while its first look is written fails nothing", async () => {
  await insertFeature(ruleOf());
  const id = FeatureId.parse(FEATURE);
  const deleting = await pool.connect();
  try {
    await deleting.query("begin");
    await deleting.query("delete from feature_flags where feature_id = $1", [FEATURE]);
    const noted = makeLooks(pool).note([id], START);
    await waitFor(async () => {
      const { rowCount } = await pool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%pmf_looks%'",
      );
      return rowCount === 1;
    });
    await deleting.query("commit");
    await noted;
  } finally {
    deleting.release();
  }
  const { rowCount } = await pool.query("select from pmf_looks");
  expect(rowCount).toBe(0);
});

test("a process that is behind never sets a look back, and waits for no other process", async () => {
  await insertFeature(ruleOf());
  const id = FeatureId.parse(FEATURE);
  await makeLooks(pool).note([id], START + 20);
  await makeLooks(pool).note([id], START + 10);
  expect(secondsAfterStart((await readSignals()).checkedAt)).toBe(20);
  const other = await pool.connect();
  try {
    await other.query("begin");
    await other.query("select from pmf_looks for update");
    await makeLooks(pool).note([id], START + 30);
  } finally {
    await other.query("rollback");
    other.release();
  }
  expect(secondsAfterStart((await readSignals()).checkedAt)).toBe(20);
});
