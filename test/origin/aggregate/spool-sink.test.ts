// The sample on its way to a column store: stored with the counts or not at all, bounded, and never a reason to wait.
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, expect, test } from "vitest";
import { makeSpoolSink } from "../../../origin/aggregate/raw-spans/spool-sink.ts";
import {
  claimBatch,
  readSpool,
  removeBatch,
  splitBatch,
  tryBatchAgain,
} from "../../../origin/aggregate/raw-spans/spool-rows.ts";
import { rawSpanChecks } from "../../../origin/aggregate/raw-spans/raw-span-health.ts";
import { SPAN_ID_BYTES, TIMED, TRACE_ID_BYTES, type StoredRecord } from "../../../origin/span-log/record.ts";
import { MAIN } from "../../../origin/db/aggregate-databases.ts";
import { makeSpoolPool } from "../../../origin/aggregate/raw-spans/spool-pool.ts";
import { startSpoolSender } from "../../../origin/aggregate/raw-spans/send-spool.ts";
import { connectClickHouse } from "../../../origin/aggregate/raw-spans/clickhouse.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { freePort } from "../../../origin/db/free-port.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { waitFor } from "../../support/telemetry.ts";

const database = await makeTestDatabase();
const { pool } = database;
const MAIN_ALONE = { name: MAIN, url: () => database.url, pool: () => pool };
afterEach(() => pool.query("truncate raw_span_spool"));
afterAll(() => database.drop());

const BLOCK = Buffer.concat([
  Buffer.alloc(TRACE_ID_BYTES, 0xab),
  Buffer.alloc(SPAN_ID_BYTES, 0xcd),
  Buffer.from([0xf4, 0x01, 5]),
  Buffer.from("GET /unit"),
]);
const RECORD: StoredRecord = {
  rawAt: 0,
  startMs: 1_700_000_000_000,
  durationUs: 1_500,
  flags: TIMED,
  unitStart: BLOCK.length - 4,
  unitEnd: BLOCK.length,
} as StoredRecord;
const addTo = (sink: ReturnType<typeof makeSpoolSink>, spans: number): void => {
  for (let i = 0; i < spans; i += 1) sink.add(RECORD, BLOCK, { featureId: "feat_a", epoch: 1 }, 1);
};
const store = async (sink: ReturnType<typeof makeSpoolSink>, end: "commit" | "rollback"): Promise<number> => {
  const client = await pool.connect();
  await client.query("begin");
  const left = await sink.store(client);
  await client.query(end);
  client.release();
  return left;
};
const sink = (maxBytes = 1_000_000) => makeSpoolSink(maxBytes, () => performance.now());
const settle = () => pool.query("update raw_span_spool set written_at = now() - interval '1 minute'");

test("a span is a line with the columns of otel_spans, stored when the transaction is", async () => {
  const spool = sink();
  addTo(spool, 2);
  expect(await store(spool, "rollback")).toBe(0);
  expect((await readSpool(pool)).waitingSpans).toBe(0);
  addTo(spool, 1);
  expect(await store(spool, "commit")).toBe(0);
  await settle();
  const batch = await claimBatch(pool);
  expect(batch?.rows).toHaveLength(1);
  expect(JSON.parse(gunzipSync(batch?.rows[0]?.lines ?? Buffer.alloc(0)).toString())).toEqual({
    timestamp: 1_700_000_000_000,
    trace_id: "ab".repeat(TRACE_ID_BYTES),
    span_id: "cd".repeat(SPAN_ID_BYTES),
    feature_id: "feat_a",
    epoch: 1,
    user_id: "unit",
    cohort: expect.any(String),
    name: "GET /",
    duration_ms: 1.5,
    failed: false,
    http_status: 500,
    action_taken: false,
  });
});

test("what is beyond the bound is left out and told, and there is room again when the spool was emptied", async () => {
  let nowMs = 0;
  const spool = makeSpoolSink(300, () => nowMs);
  addTo(spool, 10);
  expect(await store(spool, "commit")).toBe(0);
  addTo(spool, 1_000);
  addTo(spool, 1_000);
  addTo(spool, 1_000);
  addTo(spool, 1_000);
  expect(await store(spool, "commit")).toBe(4_000);
  expect((await readSpool(pool)).waitingSpans).toBe(10);
  await pool.query("delete from raw_span_spool");
  nowMs = 10_000;
  addTo(spool, 10);
  expect(await store(spool, "commit")).toBe(0);
});

test("one batch takes a bounded part of memory, whatever it holds", async () => {
  const spool = makeSpoolSink(1e9, () => performance.now());
  addTo(spool, 200_000);
  const left = await store(spool, "commit");
  expect(left).toBeGreaterThan(0);
  expect(left + (await readSpool(pool)).waitingSpans).toBe(200_000);
});

test("a lock on the spool costs the sample and holds up nothing", async () => {
  const locker = await pool.connect();
  await locker.query("begin; lock table raw_span_spool in exclusive mode");
  const spool = sink();
  addTo(spool, 3);
  expect(await store(spool, "commit")).toBe(3);
  await locker.query("rollback");
  locker.release();
  addTo(spool, 2);
  expect(await store(spool, "commit")).toBe(0);
});

test("a batch keeps its name and rows however often it is tried, and nobody else gets it meanwhile", async () => {
  const spool = sink();
  for (let i = 0; i < 3; i += 1) {
    addTo(spool, 1);
    await store(spool, "commit");
  }
  expect(await claimBatch(pool)).toBeNull();
  await settle();
  const claims = await Promise.all(Array.from({ length: 4 }, () => claimBatch(pool)));
  const batches = claims.filter((batch) => batch !== null);
  expect(batches.flatMap(({ rows }) => rows.map(({ id }) => id)).toSorted((a, b) => a - b)).toHaveLength(3);
  const [first] = batches;
  if (first === undefined) throw new Error("no batch");
  await tryBatchAgain(pool, first, { pauseMs: 0, error: "away" });
  addTo(spool, 1);
  await store(spool, "commit");
  await settle();
  const again = await claimBatch(pool);
  expect(again).toMatchObject({ name: first.name, attempts: 2 });
  expect(again?.rows.map(({ id }) => id)).toEqual(first.rows.map(({ id }) => id));
  await splitBatch(pool, first, "unreadable");
  const alone = await claimBatch(pool);
  expect(alone?.rows).toHaveLength(1);
  expect(alone?.name).not.toBe(first.name);
  if (alone !== null) await removeBatch(pool, alone);
});

test("the doctor tells that a column store takes no spans, with its reason", async () => {
  const spool = sink();
  addTo(spool, 7);
  await store(spool, "commit");
  await pool.query(
    "update raw_span_spool set written_at = now() - interval '5 minutes', last_error = 'UNKNOWN_TABLE'",
  );
  const [check] = rawSpanChecks({ databases: [MAIN_ALONE], isConfigured: true });
  expect(await check?.run()).toMatchObject([
    {
      status: "failing",
      summary: expect.stringMatching(/takes no spans: 7 .*the oldest for 300 s: UNKNOWN_TABLE/),
    },
  ]);
  const [without] = rawSpanChecks({ databases: [MAIN_ALONE], isConfigured: false });
  expect(await without?.run()).toMatchObject([{ status: "warning" }]);
});

test("a database that is away is told of once, and its spans grow older in the metric all the while", async () => {
  const url = `postgres://sluice@127.0.0.1:${await freePort()}/sluice`;
  const away = { name: "a", url: () => url, pool: () => pool };
  const told: object[] = [];
  const metrics = makeMetrics();
  const began = performance.now();
  const sender = startSpoolSender({
    database: "a",
    pool: makeSpoolPool(away, pool),
    store: await connectClickHouse({ url: "http://127.0.0.1:9/a", user: "a", password: "" }),
    metrics,
    nowMs: () => (performance.now() - began) * 1_000_000,
    log: { warn: (facts) => told.push(facts), error: (facts) => told.push(facts) },
  });
  const ageOf = async (): Promise<number> =>
    (await metrics.rawSpansAgeSeconds.get()).values.find(({ labels }) => labels.database === "a")?.value ?? 0;
  await waitFor(async () => (await ageOf()) > 300);
  await sleep(1_100);
  await sender.stop();
  expect(told).toEqual([{ database: "a", error: expect.stringContaining("ECONNREFUSED") }]);
  const [check] = rawSpanChecks({
    databases: [
      MAIN_ALONE,
      {
        ...away,
        pool: () => {
          throw new Error("it has not been reached yet");
        },
      },
    ],
    isConfigured: true,
  });
  expect(await check?.run()).toMatchObject([
    { status: "ok" },
    { status: "failing", summary: expect.stringContaining("in the database a cannot be read") },
  ]);
});

test("nothing of ClickHouse is loaded before one is connected to", () => {
  const file = new URL("../../../origin/aggregate/raw-spans/clickhouse.ts", import.meta.url).href;
  const loadedBy = (code: string): number =>
    Number(
      execFileSync(
        process.execPath,
        [
          "--input-type=module",
          "--eval",
          `import module from "node:module"; import { connectClickHouse } from "${file}"; ${code};
           console.log(Object.keys(module._cache).filter((file) => file.includes("@clickhouse")).length);`,
        ],
        { encoding: "utf8" },
      ),
    );
  expect(loadedBy("")).toBe(0);
  expect(
    loadedBy(
      'await (await connectClickHouse({ url: "http://127.0.0.1:9/a", user: "a", password: "" })).stop()',
    ),
  ).toBeGreaterThan(0);
});
