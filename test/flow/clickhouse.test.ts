// The sample of spans in ClickHouse: a real origin, ClickHouse's interface before its real engine (chdb), and what goes wrong
// between them. No ClickHouse server was run.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { connectClickHouse } from "../../origin/aggregate/raw-spans/clickhouse.ts";
import { movePartition } from "../../origin/aggregate/move/move-partition.ts";
import { makeAggregateDatabases } from "../support/aggregate-databases.ts";
import { makeAuthority } from "../support/certificates.ts";
import { startClickHouse, type ClickHouse } from "../support/clickhouse.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { startFaultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { ORIGIN_INGEST_TOKEN, startOrigin, type OriginUnderTest } from "../support/origin.ts";
import { jsonRequest, newUnit, type TestSpan } from "../support/otlp-spans.ts";
import { eventually } from "../support/stack.ts";

const FEATURE = "feat_raw";
let authority: Awaited<ReturnType<typeof makeAuthority>>;
let clickhouse: ClickHouse;
let database: TestDatabase;
let aggregates: Awaited<ReturnType<typeof makeAggregateDatabases>>;
let proxy: FaultProxy;
let origin: OriginUnderTest;

const throughProxy = (url: string): string => {
  const changed = new URL(url);
  changed.port = String(proxy.port);
  return changed.href;
};
const start = (env: Readonly<Record<string, string>> = {}) =>
  startOrigin({
    DATABASE_URL: database.url,
    AGGREGATE_DATABASE_URLS: `a=${throughProxy(aggregates.databaseOf("a").url)}`,
    CLICKHOUSE_URL: clickhouse.url,
    CLICKHOUSE_USER: "sluice",
    CLICKHOUSE_PASSWORD: "clickhouse-password",
    NODE_EXTRA_CA_CERTS: authority.ca,
    RAW_SAMPLE_BPS: "10000",
    UNIT_IDS: "raw",
    ...env,
  });

const send = async (spans: readonly Omit<TestSpan, "feature">[]): Promise<void> => {
  const answer = await fetch(`${origin.url}/v1/traces`, {
    method: "POST",
    headers: { authorization: `Bearer ${ORIGIN_INGEST_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(jsonRequest(spans.map((span) => ({ feature: FEATURE, ...span })))),
  });
  expect(answer.status).toBe(200);
};
const sendUnits = (units: number): Promise<void> =>
  send(Array.from({ length: units }, () => ({ unit: newUnit() })));

const stored = async (): Promise<number> =>
  Number((await clickhouse.query("select count() as rows from otel_spans format JSONEachRow"))[0]?.["rows"]);
const counted = async (): Promise<number> =>
  Number((await database.pool.query("select count(*) from feature_exposures")).rows[0]?.count);
const waiting = async ({ pool } = database): Promise<number> =>
  Number((await pool.query("select coalesce(sum(spans), 0) as spans from raw_span_spool")).rows[0]?.spans);
const metric = async (name: string, inDatabase = "main"): Promise<number> => {
  const text = await (await fetch(`${origin.url}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{database="${inDatabase}"\\} (.+)$`, "m").exec(text)?.[1]);
};
const findings = async () => {
  const Health = z.object({
    findings: z.array(z.object({ check: z.string(), status: z.string(), summary: z.string() })),
  });
  const { findings: all } = Health.parse(await origin.admin("GET", "/health"));
  return all.filter(({ check }) => check === "rawSpans");
};

beforeAll(async () => {
  authority = await makeAuthority();
  clickhouse = await startClickHouse(authority.issue("clickhouse", "IP:127.0.0.1"));
  database = await makeTestDatabase();
  aggregates = await makeAggregateDatabases(database, ["a"]);
  const { hostname, port } = new URL(aggregates.databaseOf("a").url);
  proxy = await startFaultProxy({ host: hostname, port: Number(port) });
  origin = await start();
  await origin.admin("POST", "/features", { featureId: FEATURE, enabled: true, rolloutBps: 9_000 });
}, 120_000);
afterAll(async () => {
  await origin.end("SIGKILL");
  await proxy.stop();
  await clickhouse.stop();
  await aggregates.drop();
  await database.drop();
  await authority.stop();
});

test("while the table is missing spans are counted and wait, and the reason is told; with the table they arrive", async () => {
  await send([
    {
      unit: "ünit",
      variant: "holdout",
      durationMs: 12,
      activated: true,
      traceId: "0f".repeat(16),
      startMs: Date.now(),
    },
  ]);
  await eventually(async () => (await counted()) === 1);
  await eventually(async () => origin.output().includes("UNKNOWN_TABLE"), 15_000);
  expect(await waiting()).toBe(1);
  await clickhouse.createTable();
  await eventually(async () => (await stored()) === 1, 40_000);
  await eventually(async () => (await waiting()) === 0);
  const [row] = await clickhouse.query("select * from otel_spans format JSONEachRow");
  expect(row).toEqual({
    timestamp: expect.stringMatching(/^20\d\d-/),
    trace_id: "0f".repeat(16),
    span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
    feature_id: FEATURE,
    epoch: 1,
    user_id: "ünit",
    cohort: "holdout",
    name: "GET /",
    duration_ms: 12,
    failed: false,
    http_status: null,
    action_taken: true,
  });
  expect((await database.pool.query("select from otel_spans")).rowCount).toBe(0);
  expect((await findings()).map(({ status }) => status)).toEqual(["ok"]);
}, 90_000);

test("a batch whose answer is lost is sent again and stored once", async () => {
  const before = await stored();
  await clickhouse.setFault("answerLost");
  await sendUnits(40);
  await eventually(
    async () =>
      (await database.pool.query("select from raw_span_spool where last_error is not null")).rowCount === 1,
    15_000,
  );
  expect(await stored()).toBe(before + 40);
  await clickhouse.setFault("none");
  await eventually(async () => (await waiting()) === 0, 40_000);
  expect(await stored()).toBe(before + 40);
}, 60_000);

test("while ClickHouse is dead people are counted, and afterwards every sampled span is stored once, though the origin died too", async () => {
  const [before, countedBefore] = [await stored(), await counted()];
  await clickhouse.kill();
  for (let i = 0; i < 3; i += 1) await sendUnits(50);
  await eventually(async () => (await counted()) === countedBefore + 150, 15_000);
  await eventually(async () => (await waiting()) === 150);
  await eventually(async () => (await metric("sluice_raw_spans_waiting")) === 150, 15_000);
  expect(await metric("sluice_raw_spans_age_seconds")).toBeGreaterThan(0);
  await origin.end("SIGKILL");
  origin = await start();
  await sendUnits(50);
  await clickhouse.start();
  // A batch that the dead origin had claimed is free again after its lease.
  await database.pool.query("update raw_span_spool set due_at = now()");
  await eventually(async () => (await waiting()) === 0, 40_000);
  expect(await stored()).toBe(before + 200);
}, 90_000);

test("a busy server gets the spans later", async () => {
  const before = await stored();
  await clickhouse.setFault("busy");
  await sendUnits(10);
  await eventually(
    async () =>
      String(
        (await database.pool.query("select last_error from raw_span_spool")).rows[0]?.last_error,
      ).includes("TOO_MANY_PARTS"),
    15_000,
  );
  await clickhouse.setFault("none");
  await eventually(async () => (await stored()) === before + 10, 40_000);
}, 60_000);

test("spans that ClickHouse cannot read are laid aside in their database, with an error, and hold up no others", async () => {
  const before = await stored();
  const bad = gzipSync('{"timestamp":"yesterday"}\n');
  for (const { pool } of [database, aggregates.databaseOf("a")])
    await pool.query("insert into raw_span_spool (spans, lines) values (1, $1)", [bad]);
  await sendUnits(20);
  await eventually(async () => (await stored()) === before + 20, 40_000);
  await eventually(
    async () =>
      (await database.pool.query("select from raw_span_spool where dead_at is not null")).rowCount === 1,
  );
  expect(origin.output()).toMatch(/"level":50.*the column store cannot read these spans/);
  await eventually(async () => (await metric("sluice_raw_spans_dead")) === 1, 10_000);
  await eventually(async () => (await metric("sluice_raw_spans_dead", "a")) === 1, 10_000);
  expect((await findings()).filter(({ status }) => status === "warning")).toMatchObject([
    { summary: expect.stringContaining("could not read 1 spans in the database main") },
    { summary: expect.stringContaining("could not read 1 spans in the database a") },
  ]);
  for (const { pool } of [database, aggregates.databaseOf("a")])
    await pool.query("delete from raw_span_spool where dead_at is not null");
}, 60_000);

test("a wrong password and a certificate of an unknown authority are told as what they are, without the password", async () => {
  const insert = async (settings: { url: string; password: string }) => {
    const store = await connectClickHouse({ user: "sluice", ...settings });
    const inserted = await store.insert("one", Buffer.from("{}"));
    await store.stop();
    return inserted;
  };
  expect(await insert({ url: clickhouse.url, password: "clickhouse-password" })).toMatchObject({
    kind: "failed",
    error: expect.stringMatching(/unable to verify|self-signed certificate|unable to get/),
  });
  const plain = await startClickHouse();
  try {
    const refused = await insert({ url: plain.url, password: "a-wrong-password" });
    expect(refused).toMatchObject({
      kind: "failed",
      error: expect.stringContaining("AUTHENTICATION_FAILED"),
    });
    expect(JSON.stringify(refused)).not.toContain("a-wrong-password");
  } finally {
    await plain.stop();
  }
}, 60_000);

test("forget reaches ClickHouse, says when it is away, and the statement of docs/storage.md shortens the time that spans are kept", async () => {
  const unit = "it's\\me'); drop table otel_spans --";
  await send([{ unit }, { unit: "stays" }]);
  const rowsOf = async () =>
    Number(
      (
        await clickhouse.query(
          "select count() as rows from otel_spans where name = 'GET /' and position(user_id, 'drop table') > 0 format JSONEachRow",
        )
      )[0]?.["rows"],
    );
  await eventually(async () => (await rowsOf()) === 1, 20_000);
  const before = await stored();
  await clickhouse.setFault("busy");
  expect(await origin.admin("POST", "/forget", { unit })).toMatchObject({
    isComplete: false,
    notReached: [{ place: "ClickHouse", error: expect.stringContaining("TOO_MANY_PARTS") }],
  });
  await clickhouse.setFault("none");
  expect(await origin.admin("POST", "/forget", { unit })).toMatchObject({ isComplete: true, notReached: [] });
  expect(await rowsOf()).toBe(0);
  expect(await stored()).toBe(before - 1);
  await clickhouse.query(
    "insert into otel_spans (timestamp, feature_id) select now() - interval 20 day, 'feat_old'",
  );
  await clickhouse.query("alter table otel_spans modify ttl toDateTime(timestamp) + interval 14 day delete");
  await clickhouse.query("optimize table otel_spans final");
  expect(
    await clickhouse.query(
      "select feature_id from otel_spans where feature_id = 'feat_old' format JSONEachRow",
    ),
  ).toEqual([]);
}, 60_000);

test("spans of a partition that lives in another database arrive too, and while that one says nothing the others arrive", async () => {
  const a = aggregates.databaseOf("a");
  const inA = async (): Promise<number> =>
    Number((await a.pool.query("select count(*) from feature_exposures")).rows[0]?.count);
  await movePartition(database.servicePool, aggregates.all, { partition: 1, to: "a" });
  const before = [await stored(), await counted(), await inA()] as const;
  await sendUnits(80);
  await eventually(async () => (await stored()) === before[0] + 80, 20_000);
  const ofA = (await inA()) - before[2];
  expect(ofA).toBeGreaterThan(0);
  expect((await a.pool.query("select from otel_spans")).rowCount).toBe(0);
  proxy.disturb({ kind: "blackHole" });
  await sendUnits(80);
  await eventually(async () => (await counted()) > before[1] + 80 - ofA && (await waiting()) === 0, 20_000);
  expect(await stored()).toBeGreaterThan(before[0] + 80);
  proxy.disturb({ kind: "refuse" });
  proxy.reset();
  const told = () =>
    origin
      .output()
      .split("\n")
      .filter((line) => line.includes("ALERT: the sampled spans") && line.includes('"database":"a"'));
  await eventually(async () => told().length > 0);
  expect(await findings()).toContainEqual(
    expect.objectContaining({
      status: "failing",
      summary: expect.stringContaining("in the database a cannot be read"),
    }),
  );
  proxy.heal();
  await eventually(async () => (await stored()) === before[0] + 160, 40_000);
  await eventually(async () => (await waiting(a)) === 0);
  expect(told()).toHaveLength(1);
}, 90_000);
