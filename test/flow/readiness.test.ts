// What /readyz and the lag say when an origin does not do its work, on a real one.
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startCuttableProxy, type CuttableProxy } from "../support/cuttable-proxy.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { jsonRequest, newUnit } from "../support/otlp-spans.ts";
import { eventually } from "../support/stack.ts";

let database: TestDatabase;
let way: CuttableProxy;
let origin: OriginUnderTest;
/** Evaluates and pushes, and takes no telemetry. */
let apart: OriginUnderTest;
beforeAll(async () => {
  database = await makeTestDatabase();
  way = await startCuttableProxy(database.url);
  const there = new URL(database.url);
  there.host = new URL(way.url).host;
  [origin, apart] = await Promise.all([
    startOrigin({ DATABASE_URL: database.url, EVALUATE_EVERY_MS: "200" }),
    startOrigin({ DATABASE_URL: there.href, EVALUATE_EVERY_MS: "200", ROLES: "evaluate,push" }),
  ]);
  await origin.admin("POST", "/features", { featureId: "feat_ready", enabled: true, rolloutBps: 9_000 });
  await origin.admin("PUT", "/features/feat_ready/rule", {
    activationThreshold: 0.2,
    retentionThreshold: 0.3,
    latencyP95Threshold: 500,
    minCohortSize: 1_000,
    evaluationWindowSeconds: 3_600,
  });
});
afterAll(async () => {
  await origin.end("SIGTERM");
  await apart.end("SIGTERM");
  way.stop();
  await database.drop();
});

const readiness = async (of = origin): Promise<{ status: number; detail: string }> => {
  const answer = await fetch(`${of.url}/readyz`);
  const text = await answer.text();
  return { status: answer.status, detail: answer.ok ? text : String(JSON.parse(text).detail) };
};
const metric = async (name: string, of = origin): Promise<number> => {
  const text = await (await fetch(`${of.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
};
const lagSeconds = (): Promise<number> => metric("sluice_ingest_lag_seconds");
const send = async (): Promise<void> => {
  const answer = await fetch(`${origin.url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest([{ feature: "feat_ready", unit: newUnit() }])),
  });
  expect(answer.status).toBe(200);
};

test("while fold, evaluator or listener stand still /readyz says so; afterwards all is as before", async () => {
  await eventually(async () => (await readiness()).status === 200);
  await eventually(async () => (await metric("sluice_listening", apart)) === 1);
  await eventually(async () => (await metric("sluice_evaluation_age_seconds", apart)) < 2);
  await send();
  await eventually(async () => (await lagSeconds()) < 1, 10_000);
  const client = await database.pool.connect();
  onTestFinished(() => client.release(true));
  await client.query("begin");
  // Each round of evaluations begins there. A table that is read later would keep one process from ending its round alone: the
  // other one passes over what the first has begun.
  await client.query("lock table pmf_looks in access exclusive mode");
  await client.query("lock table outcome_counts in exclusive mode");
  way.cutThose("sluice-listen");
  await send();
  await eventually(async () => (await readiness()).status === 503, 40_000);
  expect((await readiness()).detail).toMatch(/^fold: it has counted nothing for \d+ s/);
  expect(await lagSeconds()).toBeGreaterThan(10);
  const both =
    /^evaluate: no round of evaluations has ended for \d+ s; push: it could not connect to the database to hear of changes for \d+ s/;
  await eventually(async () => both.test((await readiness(apart)).detail), 20_000).catch(
    async (cause: unknown) => {
      throw new Error((await readiness(apart)).detail, { cause });
    },
  );
  expect(await metric("sluice_evaluation_age_seconds", apart)).toBeGreaterThan(15);
  expect(await metric("sluice_listening", apart)).toBe(0);
  // It takes telemetry, which would be lost.
  expect((await readiness()).detail).not.toContain("evaluate");
  await client.query("rollback");
  way.mend();
  await eventually(async () => (await readiness()).status === 200 && (await lagSeconds()) < 2, 20_000);
  await eventually(async () => (await readiness(apart)).status === 200, 20_000);
  expect(await metric("sluice_listening", apart)).toBe(1);
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
