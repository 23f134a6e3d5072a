// Locks that others hold on the telemetry's tables: a dump, ANALYZE, an index build, a forgotten transaction. Telemetry is
// acknowledged and counted meanwhile, and what had to wait is done once the lock is gone.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  dropOldRawSpanPartitions,
  ensureRawSpanPartitions,
} from "../../../origin/aggregate/raw-spans/raw-span-partitions.ts";
import { startTableUpkeep } from "../../../origin/aggregate/table-upkeep.ts";
import { makePool, withClient, type Client } from "../../../origin/db/pool.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { dropFoldedLogPartitions, ensureLogPartitions } from "../../../origin/span-log/partitions.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { makeTestLog } from "../../support/log.ts";
import { newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor, type TestTelemetry } from "../../support/telemetry.ts";

let database: TestDatabase;
let telemetry: TestTelemetry;
beforeAll(async () => {
  database = await makeTestDatabase();
  await createFeature(database, "feat_locks");
  expect(await keep()).toEqual({ attach: ["done", "done"], drop: ["done", "done"] });
  telemetry = await startTelemetry(database, { upkeep: false });
  await sendAndCount();
});
afterAll(async () => {
  await telemetry.stop();
  await database.drop();
});

const partitionsOf = async (parent: string): Promise<string[]> => {
  const { rows } = await database.pool.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = $1::regclass and not i.inhdetachpending order by 1`,
    [parent],
  );
  return rows.map(({ name }) => name);
};
const exists = async (table: string): Promise<boolean> => {
  const { rows } = await database.pool.query("select to_regclass($1) is not null as found", [table]);
  return rows[0].found;
};

const OLD = { span_log: "span_log_20200101_05", otel_spans: "otel_spans_202001" };
/** As if the service had stood still: the farthest partitions are missing, and a folded old one is left. */
const setBack = async (): Promise<void> => {
  const last = (await partitionsOf("span_log")).at(-1);
  await database.pool.query(`drop table ${last}`);
  await database.pool.query(`drop table ${(await partitionsOf("otel_spans")).at(-1)}`);
  await database.pool.query(
    `create table ${OLD.span_log} partition of span_log for values from ('2020-01-01 05:00Z') to ('2020-01-01 06:00Z')`,
  );
  await database.pool.query(
    `create table ${OLD.otel_spans} partition of otel_spans for values from ('2020-01-01Z') to ('2020-02-01Z')`,
  );
};

const units = async (): Promise<number> => {
  const { rows } = await database.pool.query(
    "select coalesce(sum(units), 0)::integer as units from outcome_counts where signal = 'exposure'",
  );
  return rows[0].units;
};

/** Sends a span that is to be acknowledged within a second, and waits until it is counted. */
const sendAndCount = async (): Promise<void> => {
  const before = await units();
  const beganAt = performance.now();
  await telemetry.sendSpans([{ feature: "feat_locks", unit: newUnit() }]);
  expect(performance.now() - beganAt).toBeLessThan(1_000);
  await waitFor(async () => (await units()) === before + 1, 5_000);
};

const settled = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

/** All upkeep of partitions, each piece for itself; what became of each. */
const keep = async (): Promise<{ attach: string[]; drop: string[] }> => ({
  attach: [
    await settled(ensureLogPartitions(database.servicePool)),
    await settled(ensureRawSpanPartitions(database.servicePool, 62)),
  ],
  drop: [
    await settled(dropFoldedLogPartitions(database.servicePool, []).then(({ dropped }) => dropped)),
    await settled(dropOldRawSpanPartitions(database.servicePool, 62)),
  ],
});

const spanLog = { streams: null, removeFolded: async () => {} };

const inModeOn =
  (mode: string, which: "parents" | "partitions" | "all") =>
  async (client: Client): Promise<void> => {
    for (const parent of ["span_log", "otel_spans", "unit_evidence"]) {
      if (which !== "partitions") await client.query(`lock table only ${parent} in ${mode} mode`);
      if (which !== "parents")
        for (const partition of await partitionsOf(parent))
          await client.query(`lock table ${partition} in ${mode} mode`);
    }
  };

/** `attaches`, `drops`: whether the upkeep can be done while the lock is held. */
const LOCKS: readonly {
  who: string;
  lock: (client: Client) => Promise<unknown>;
  attaches: boolean;
  drops: boolean;
}[] = [
  {
    who: "a dump",
    lock: inModeOn("access share", "all"),
    attaches: true,
    drops: false,
  },
  {
    who: "a forgotten psql that has read the views",
    lock: (client) => client.query("select count(*) from span_log, otel_spans, feature_exposures"),
    attaches: true,
    drops: false,
  },
  {
    who: "a forgotten psql that has written",
    lock: (client) => client.query("delete from otel_spans where trace_id = '\\x00'"),
    attaches: true,
    drops: false,
  },
  {
    who: "VACUUM of the partitions",
    lock: inModeOn("share update exclusive", "partitions"),
    attaches: true,
    drops: false,
  },
  {
    who: "a forgotten psql that has analyzed the tables",
    lock: (client) => client.query("analyze span_log, otel_spans, unit_evidence"),
    attaches: false,
    drops: false,
  },
];

describe.each(LOCKS)("while $who holds its locks", ({ lock, attaches, drops }) => {
  test("telemetry is acknowledged within a second and counted, and the upkeep waits without making others wait", async () => {
    await setBack();
    const full = (await partitionsOf("span_log")).length;
    await withClient(database.pool, async (client) => {
      await client.query("begin");
      await lock(client);
      const kept = keep();
      // While the upkeep asks for its locks, again and again.
      const keeping = new AbortController();
      const { attach, drop } = await Promise.all([
        kept.finally(() => keeping.abort()),
        (async () => {
          while (!keeping.signal.aborted) await sendAndCount();
        })(),
      ]).then(([outcome]) => outcome);
      expect(attach.every((outcome) => outcome === "done")).toBe(attaches);
      expect(drop.every((outcome) => outcome === "done")).toBe(drops);
      await client.query("rollback");
    });
    // As the service does: what could not be done is tried again.
    await waitFor(
      async () =>
        Object.values(await keep())
          .flat()
          .every((outcome) => outcome === "done"),
      10_000,
    );
    expect(await exists(OLD.span_log)).toBe(false);
    expect(await exists(OLD.otel_spans)).toBe(false);
    expect(await partitionsOf("span_log")).toHaveLength(full);
    await sendAndCount();
  });
});

test("while otel_spans gets an index, telemetry is counted without its sample, and the metric says so", async () => {
  await withClient(database.pool, async (client) => {
    await client.query("begin");
    await client.query("create index on otel_spans (user_id)");
    await sendAndCount();
    await client.query("rollback");
  });
  // The fold reports its counts after it has committed them.
  await waitFor(async () => {
    const counts = await telemetry.metrics.registry.getSingleMetricAsString("sluice_folded_spans_total");
    return /result="unsampled"\} [1-9]/.test(counts);
  });
});

test("upkeep that gives up names the process that holds the lock; a table that a person has detached stays", async () => {
  await setBack();
  await database.pool.query("create table span_log_20190101_00 (like span_log)");
  const { lines, ...log } = makeTestLog();
  const pool = makePool(database.url, { applicationName: "sluice-upkeep", max: 1, onIdleError: () => {} });
  const metrics = makeMetrics();
  await withClient(database.pool, async (client) => {
    await client.query("begin");
    await client.query("set local application_name = 'forgotten psql'");
    await client.query("analyze span_log");
    const { rows } = await client.query("select pg_backend_pid() as pid");
    const upkeep = startTableUpkeep({
      pool,
      spanLog,
      rawKeepDays: 62,
      unitKeepDays: 180,
      metrics,
      log,
    });
    await waitFor(async () => lines.length >= 2, 20_000);
    await client.query("rollback");
    expect(lines[0]?.message).toBe(
      "the span log's next partitions could not be attached; it is tried again in 20 s",
    );
    expect(JSON.stringify(lines[0]?.facts)).toContain(
      `ShareUpdateExclusiveLock is held by PostgreSQL process ${rows[0].pid} (forgotten psql) since `,
    );
    await upkeep.stop();
  });
  await keep();
  expect(await exists("span_log_20190101_00")).toBe(true);
});

test("what another process is at is left to it, and told of with its name when that lasts", async () => {
  const partitions = await partitionsOf("span_log");
  await database.pool.query(`drop table ${partitions.at(-1)}`);
  const { lines, ...log } = makeTestLog();
  await withClient(database.pool, async (client) => {
    await client.query("set application_name = 'other keeper'");
    const { rows } = await client.query(
      "select pg_backend_pid() as pid, pg_advisory_lock(hashtext('span_log partitions'))",
    );
    const upkeep = startTableUpkeep({
      pool: makePool(database.url, { applicationName: "sluice-upkeep", max: 1, onIdleError: () => {} }),
      spanLog,
      everyMs: 20,
      rawKeepDays: 62,
      unitKeepDays: 180,
      metrics: makeMetrics(),
      log,
    });
    // It waits for a second each time.
    await sleep(1_800);
    expect(lines).toEqual([]);
    await waitFor(async () => lines.length > 0);
    expect(lines[0]).toMatchObject({
      message: "the span log's next partitions could not be attached; it is tried again in 0.02 s",
      facts: {
        error: expect.stringContaining(
          `another process is at it: PostgreSQL process ${rows[0].pid} (other keeper)`,
        ),
      },
    });
    await client.query("select pg_advisory_unlock(hashtext('span_log partitions'))");
    await waitFor(async () => (await partitionsOf("span_log")).length === partitions.length);
    await upkeep.stop();
  });
});

test("the metric says for how long the log has partitions; with less than half an hour the process is not ready", async () => {
  const metrics = makeMetrics();
  const { lines: _, ...log } = makeTestLog();
  const upkeepOnce = async (): Promise<{ aheadSeconds: number; notReady: readonly string[] }> => {
    const upkeep = startTableUpkeep({
      pool: makePool(database.url, { applicationName: "sluice-upkeep", max: 1, onIdleError: () => {} }),
      spanLog,
      rawKeepDays: 62,
      unitKeepDays: 180,
      metrics,
      log,
    });
    const readAhead = async (): Promise<number> => {
      const text = await metrics.registry.getSingleMetricAsString("sluice_span_log_ahead_seconds");
      return Number(text.split(" ").at(-1));
    };
    await waitFor(async () => upkeep.notReady().length > 0 || (await readAhead()) > 0);
    const found = { aheadSeconds: await readAhead(), notReady: upkeep.notReady() };
    await upkeep.stop();
    return found;
  };
  await withClient(database.pool, async (client) => {
    for (const partition of await partitionsOf("span_log")) await client.query(`drop table ${partition}`);
    await client.query("begin");
    await client.query("lock table only span_log in share update exclusive mode");
    expect(await upkeepOnce()).toEqual({
      aheadSeconds: 0,
      notReady: ["span log: there are partitions for the next 0 s only"],
    });
    await client.query("rollback");
  });
  const { aheadSeconds, notReady } = await upkeepOnce();
  expect(aheadSeconds).toBeGreaterThan(47 * 3_600);
  expect(notReady).toEqual([]);
});
