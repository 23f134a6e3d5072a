// A backup of the main database and of one that has partitions, made while telemetry comes in, and restored together.
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asMover } from "../../origin/aggregate/move/finish-moves.ts";
import { movePartition } from "../../origin/aggregate/move/move-partition.ts";
import { openBackup, restoreSet } from "../../origin/cli/backup/restore-set.ts";
import { withSnapshots } from "../../origin/cli/backup/snapshots.ts";
import { makeAggregateDatabases } from "../support/aggregate-databases.ts";
import { runCli } from "../support/cli.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";
import { newUnit } from "../support/otlp-spans.ts";
import { createFeature, startTelemetry, type TestTelemetry } from "../support/telemetry.ts";

const FEATURE = "feat_saved";
const home = await mkdtemp(join(tmpdir(), "sluice-backup-of-several-"));
const file = join(home, "saved");
const units: string[] = [];
let main: TestDatabase;
let aggregates: Awaited<ReturnType<typeof makeAggregateDatabases>>;
let telemetry: TestTelemetry;

const send = async (to: TestTelemetry, some: readonly string[]): Promise<void> => {
  await to.sendSpans(some.map((unit) => ({ feature: FEATURE, unit })));
};
/** Sends new units again and again, for as long as `work` takes. */
const whileSending = async <T>(work: () => Promise<T>): Promise<T> => {
  const ended = new AbortController();
  const [result] = await Promise.all([
    work().finally(() => ended.abort()),
    (async () => {
      while (!ended.signal.aborted) {
        const some = Array.from({ length: 20 }, newUnit);
        await send(telemetry, some);
        units.push(...some);
        await sleep(20);
      }
    })(),
  ]);
  return result;
};

beforeAll(async () => {
  main = await makeTestDatabase();
  aggregates = await makeAggregateDatabases(main, ["a"]);
  telemetry = await startTelemetry(main, { aggregateDatabases: aggregates.configured });
  await createFeature(main, FEATURE, { activationWindowSeconds: 3_600 });
  for (const partition of [1, 3])
    await movePartition(main.servicePool, aggregates.all, { partition, to: "a" });
});
afterAll(async () => {
  await telemetry.stop();
  await aggregates.drop();
  await main.drop();
  await rm(home, { recursive: true });
});

const placesOf = (mainUrl: string, urlOfA: string) => ({
  DATABASE_URL: mainUrl,
  AGGREGATE_DATABASE_URLS: `a=${urlOfA}`,
});
const backUp = () =>
  runCli(["backup", "--out", file, "--force", "--json"], placesOf(main.url, aggregates.databaseOf("a").url));

test("no checkpoint that is saved is beyond the log that is saved with it, whatever is folded meanwhile", async () => {
  await whileSending(async () => {
    for (let round = 0; round < 5; round++)
      await withSnapshots(main.pool, aggregates.configured, async (snapshots) => {
        // In the order in which they were taken.
        expect(snapshots.map(({ name }) => name)).toEqual(["a", "main"]);
        const ofMain = snapshots.find(({ name }) => name === "main");
        const ofA = snapshots.find(({ name }) => name === "a");
        const { rows } = await ofMain!.client.query<{ newest: number }>(
          "select coalesce(max(seq), 0) as newest from span_log",
        );
        const { rows: folded } = await ofA!.client.query<{ newest: number }>(
          "select coalesce(max(seq), 0) as newest from fold_checkpoints",
        );
        expect(folded[0]?.newest).toBeLessThanOrEqual(rows[0]?.newest ?? -1);
      });
  });
});

test("it is restored into the same layout: what was counted is there, and nobody is lost or counted twice who is reported again", async () => {
  const saved = await whileSending(backUp);
  expect(JSON.parse(saved.out)).toMatchObject({ files: [`${file}.a`, file], otherDatabases: [] });
  const before = units.length;
  const restoredMain = await makeTestDatabase();
  const restoredA = await makeTestDatabase();
  const restored = await runCli(["restore", file, "--json"], placesOf(restoredMain.url, restoredA.url));
  expect(restored.error).toMatch(/^Restored/);
  expect(JSON.parse(restored.out)).toMatchObject({ databases: ["main", "a"], verified: true });
  const { rows } = await restoredA.pool.query<{ exposed: number }>(
    "select sum(units)::integer as exposed from outcome_counts_by_partition where signal = 'exposure'",
  );
  expect(rows[0]?.exposed).toBeGreaterThan(0);

  const after = await startTelemetry(restoredMain, {
    aggregateDatabases: [{ name: "a", url: restoredA.url }],
  });
  // Everything again, and somebody new: only those who came after the backup are new there.
  await send(after, [...units, newUnit()]);
  const exposed = async (): Promise<number> => {
    let sum = 0;
    for (const { pool } of [restoredMain, restoredA]) {
      const { rows: found } = await pool.query<{ exposed: number }>(
        `select coalesce(sum(units), 0)::integer as exposed from outcome_counts_by_partition where signal = 'exposure'`,
      );
      sum += found[0]?.exposed ?? 0;
    }
    return sum;
  };
  await expect.poll(exposed, { timeout: 30_000, interval: 100 }).toBe(before + 1);
  await sleep(300);
  expect(await exposed()).toBe(before + 1);
  await after.stop();

  // A database that has counts is refused, and so is a file of another backup: nothing is restored anywhere.
  const again = await makeTestDatabase();
  const counted = await makeTestDatabase();
  // No pool of the test's stays connected, which would be taken for an origin's.
  const client = new Client({ connectionString: counted.url });
  await client.connect();
  await client.query("insert into unit_runs (partition) values (0)");
  await client.end();
  const restore = async (...others: { name: string; url: string }[]) =>
    restoreSet({ url: again.url, others, file, source: await openBackup(file), say: () => {} });
  await expect(restore({ name: "a", url: counted.url })).rejects.toThrow(
    "the aggregate database a: it is in use: it has counts of its own",
  );
  await expect(restore()).rejects.toThrow("the backup has the databases a too: name an empty one for each");
  const empty = await makeTestDatabase();
  await copyFile(file, `${file}.a`);
  await expect(restore({ name: "a", url: empty.url })).rejects.toThrow(
    `${file}.a is of another backup than ${file}`,
  );
  for (const database of [again, empty])
    expect((await database.pool.query("select from feature_flags")).rowCount).toBe(0);
  for (const database of [restoredMain, restoredA, again, counted, empty]) await database.drop();
}, 60_000);

test("while a partition is moved no backup is made, and while one is made no partition is moved", async () => {
  const refused = await asMover(main.servicePool, 0, backUp);
  expect(refused).toMatchObject({
    code: 1,
    error: expect.stringContaining("a partition is on its way to another database"),
  });
  await withSnapshots(main.pool, aggregates.configured, async () => {
    expect(await asMover(main.servicePool, 0, async () => "moved")).toBeNull();
  });
});
