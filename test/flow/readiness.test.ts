// What /readyz and the lag say when an origin does not do its work, on a real one.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { jsonRequest, newUnit } from "../support/otlp-spans.ts";
import { eventually } from "../support/stack.ts";

let database: TestDatabase;
let origin: OriginUnderTest;
beforeAll(async () => {
  database = await makeTestDatabase();
  origin = await startOrigin({ DATABASE_URL: database.url, EVALUATE_EVERY_MS: "200" });
  await origin.admin("POST", "/features", { featureId: "feat_ready", enabled: true, rolloutBps: 9_000 });
});
afterAll(async () => {
  await origin.end("SIGTERM");
  await database.drop();
});

const readiness = async (): Promise<{ status: number; detail: string }> => {
  const answer = await fetch(`${origin.url}/readyz`);
  const text = await answer.text();
  return { status: answer.status, detail: answer.ok ? text : String(JSON.parse(text).detail) };
};
const lagSeconds = async (): Promise<number> => {
  const text = await (await fetch(`${origin.url}/metrics`)).text();
  return Number(/^sluice_ingest_lag_seconds (.+)$/m.exec(text)?.[1]);
};
const send = async (): Promise<void> => {
  const answer = await fetch(`${origin.url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest([{ feature: "feat_ready", unit: newUnit() }])),
  });
  expect(answer.status).toBe(200);
};

test("while the fold stands still the lag grows and /readyz says so; afterwards both are as before", async () => {
  await eventually(async () => (await readiness()).status === 200);
  await send();
  await eventually(async () => (await lagSeconds()) < 1, 10_000);
  const client = await database.pool.connect();
  await client.query("begin");
  await client.query("lock table outcome_counts in exclusive mode");
  await send();
  await eventually(async () => (await readiness()).status === 503, 40_000);
  expect((await readiness()).detail).toMatch(/^fold: it has counted nothing for \d+ s/);
  expect(await lagSeconds()).toBeGreaterThan(10);
  await client.query("rollback");
  client.release();
  await eventually(async () => (await readiness()).status === 200 && (await lagSeconds()) < 2, 20_000);
}, 90_000);

test("a database that takes no writes makes the origin not ready, with the reason", async () => {
  const { pool } = database;
  const name = new URL(database.url).pathname.slice(1);
  const endSessions = () =>
    pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
  await pool.query(`alter database ${name} set default_transaction_read_only = on`);
  await endSessions();
  await eventually(async () => (await readiness()).detail.includes("it takes no writes"), 10_000);
  expect(await (await fetch(`${origin.url}/readyz`)).json()).toMatchObject({
    status: 503,
    missing: [{ part: "database", detail: expect.stringContaining("it takes no writes") }],
  });
  const client = await pool.connect();
  await client.query("set default_transaction_read_only = off");
  await client.query(`alter database ${name} reset default_transaction_read_only`);
  client.release();
  await endSessions();
  await eventually(async () => (await readiness()).status === 200, 20_000);
});

test("a database with an older schema, as a restore leaves it, makes the origin not ready until it is up to date", async () => {
  const { pool } = database;
  const { rows } = await pool.query<{ name: string }>(
    "delete from schema_migrations where id = (select max(id) from schema_migrations) returning name",
  );
  const [newest] = rows;
  expect((await readiness()).status).toBe(503);
  expect((await readiness()).detail).toContain(
    `it is older than this origin, as after a restore, and lacks ${newest?.name}`,
  );
  await pool.query("insert into schema_migrations (name, run_on) values ($1, now())", [newest?.name]);
  await eventually(async () => (await readiness()).status === 200, 10_000);
});
