// Several fold processes: each partition has one owner, and an owner that lost its partition writes nothing.
import { spawn, type ChildProcess } from "node:child_process";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startFold, type Fold } from "../../../origin/aggregate/fold-thread.ts";
import { excessOf, FREE_ROUNDS, quotaOf } from "../../../origin/aggregate/fair-share.ts";
import { makeOwnShare } from "../../../origin/aggregate/own-share.ts";
import { movePartition } from "../../../origin/aggregate/move/move-partition.ts";
import {
  holdFences,
  lockOfPartition,
  takePartitions,
} from "../../../origin/aggregate/partition-ownership.ts";
import { asServiceRole } from "../../../origin/db/service-role.ts";
import { makeLogger } from "../../../origin/runtime/log.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import { fixPartitions } from "../../../origin/span-log/fix-partitions.ts";
import { makeAggregateDatabases } from "../../support/aggregate-databases.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { newUnit } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor, type TestTelemetry } from "../../support/telemetry.ts";

let database: TestDatabase;
let telemetry: TestTelemetry;
beforeAll(async () => {
  database = await makeTestDatabase();
  telemetry = await startTelemetry(database, { fold: false });
});
afterAll(async () => {
  await telemetry.stop();
  await database.drop();
});

const start = (): Fold =>
  startFold({
    databaseUrl: database.url,
    spanLog: null,
    logger: makeLogger("silent"),
    metrics: makeMetrics(),
    unitSlots: 2 ** 18,
  });

const locks = async (): Promise<number[]> => {
  const { rows } = await database.pool.query<{ partitions: number }>(
    `select count(*)::integer as partitions from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
       and classid = hashtext('sluice fold partition')::bigint::bit(32)::bigint::oid
     group by pid order by 1`,
  );
  return rows.map(({ partitions }) => partitions);
};

describe("fold processes", () => {
  test("a process that took what stayed free gives it back as soon as another process has joined", async () => {
    const free = await makeTestDatabase();
    onTestFinished(free.drop);
    const client = await free.pool.connect();
    onTestFinished(() => client.release(true));
    const owned = new Map<number, number>();
    let members = [1, 2];
    const share = makeOwnShare(client, owned, {
      partitions: 4,
      members: () => members,
      own: 1,
      ownedElsewhere: () => 0,
    });
    await takePartitions(client, owned, 2);
    for (let look = 1; look < FREE_ROUNDS; look += 1) expect(await share.read()).toBe(2);
    expect(await share.read()).toBe(3);
    await takePartitions(client, owned, 3);
    members = [1, 2, 3];
    expect(await share.read()).toBe(2);
  });

  test("share the partitions of two databases evenly from one to four and back, take over from one that is killed and from one that is paused, and count every span once", async () => {
    const main = await makeTestDatabase();
    onTestFinished(main.drop);
    await fixPartitions(main.pool, 8);
    const aggregates = await makeAggregateDatabases(main, ["a"]);
    onTestFinished(aggregates.drop);
    for (const partition of [9, 12, 15])
      await movePartition(main.servicePool, aggregates.all, { partition, to: "a" });
    const incoming = await startTelemetry(main, { fold: false, upkeep: false });
    onTestFinished(incoming.stop);
    await createFeature(main, "feat_processes", { activationWindowSeconds: 3_600 });

    const processes = [1, 2, 3, 4].map((n) => `${new URL(main.url).pathname.slice(1)}_fold_${n}`);
    for (const login of processes) {
      await main.pool.query(`create role ${login} login password 'fold' in role sluice_service`);
      onTestFinished(async () => void (await main.pool.query(`drop role ${login}`)));
    }
    const startProcess = (login: string): ChildProcess => {
      const as = (url: string): string => {
        const own = new URL(asServiceRole(url));
        own.username = login;
        own.password = "fold";
        return own.href;
      };
      const options = {
        databaseUrl: as(main.url),
        spanLog: null,
        aggregateDatabases: aggregates.configured.map(({ name, url }) => ({ name, url: as(url) })),
        unitSlots: 2 ** 16,
        dedupeKeys: 100_000,
        ownershipMs: 400,
        silentMs: 3_000,
      };
      const child = spawn(process.execPath, ["test/support/fold-process.ts"], {
        env: { ...process.env, FOLD: JSON.stringify(options) },
        stdio: "inherit",
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      return child;
    };
    /** How many partitions each process owns, in both databases together. */
    const shares = async (): Promise<string> => {
      const owned = new Map<string, number>();
      for (const { pool } of aggregates.all) {
        const { rows } = await pool().query<{ login: string; partitions: number }>(
          `select usename as login, count(*)::integer as partitions
           from pg_locks l join pg_stat_activity using (pid) where ${lockOfPartition("l")} group by 1`,
        );
        for (const { login, partitions } of rows) owned.set(login, (owned.get(login) ?? 0) + partitions);
      }
      return [...owned.values()].toSorted((a, b) => b - a).join();
    };
    const become = (wanted: string) => waitFor(async () => (await shares()) === wanted, 60_000);

    const units: string[] = [];
    const sendMore = async () => {
      const some = Array.from({ length: 80 }, newUnit);
      units.push(...some);
      await incoming.sendSpans(some.map((unit) => ({ feature: "feat_processes", unit })));
    };
    const [first = "", ...others] = processes;
    startProcess(first);
    await become("8");
    await sendMore();
    const [second, third] = others.map(startProcess);
    await become("2,2,2,2");
    await sendMore();
    second?.kill("SIGKILL");
    await become("3,3,2");
    await sendMore();
    third?.kill("SIGSTOP");
    await sendMore();
    await become("4,4");
    await sendMore();
    await aggregates.folded();
    // It goes on with what it had in memory, and would write it.
    third?.kill("SIGCONT");
    await incoming.sendSpans(units.map((unit) => ({ feature: "feat_processes", unit, activated: true })));
    await become("3,3,2");
    await sendMore();
    await aggregates.folded();
    expect(await aggregates.requests()).toBe(2 * units.length - 80);
    const counts = await aggregates.counts("feat_processes");
    const of = (signal: string) =>
      counts.filter((one) => one.signal === signal).reduce((sum, one) => sum + one.units, 0);
    expect(of("exposure")).toBe(units.length);
    expect(of("activation") % (units.length - 80)).toBe(0);
    expect(of("activation")).toBeGreaterThan(0);
  }, 120_000);

  test("a partition that comes back is read again, and units that another process counted meanwhile are not counted twice", async () => {
    await createFeature(database, "feat_back", { activationWindowSeconds: 3_600 });
    const units = Array.from({ length: 40 }, newUnit);
    const send = async (activated: boolean) => {
      await telemetry.sendSpans(units.map((unit) => ({ feature: "feat_back", unit, activated })));
      await telemetry.folded();
    };
    const first = start();
    await waitFor(async () => (await locks()).join() === "4");
    await send(false);
    const second = start();
    await waitFor(async () => (await locks()).join() === "2,2");
    await send(true);
    await second.stop();
    await waitFor(async () => (await locks()).join() === "4");
    await send(true);
    const { rows } = await database.pool.query(
      `select signal, sum(units)::integer as units from outcome_counts
       where feature_id = 'feat_back' and age_s in (0, 3600) group by 1 order by 1`,
    );
    expect(rows).toEqual([
      { signal: "activation", units: 40 },
      { signal: "exposure", units: 40 },
    ]);
    await first.stop();
  });

  test("no process owns two partitions more than another, and all partitions have an owner, however many processes there are", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 100 }),
        (partitions, members) => {
          const quotas = members.map((own) => quotaOf(partitions, members, own) ?? -1);
          expect(quotas.reduce((sum, quota) => sum + quota, 0)).toBe(partitions);
          expect(Math.max(...quotas) - Math.min(...quotas)).toBeLessThan(2);
        },
      ),
    );
    expect(quotaOf(8, [3, 5], 4)).toBeNull();
    expect(excessOf([2, 9, 4, 7], 2, new Set([4]))).toEqual([4, 9]);
  });

  test("an owner whose fence was raised by another may not write any more", async () => {
    const [slow, next] = [await database.pool.connect(), await database.pool.connect()];
    try {
      const owned = new Map<number, number>();
      expect(await takePartitions(slow, owned, 4)).toEqual([0, 1, 2, 3]);
      expect(await takePartitions(next, new Map(), 4)).toEqual([]);
      const { rows } = await slow.query<{ version: number }>("select version from fold_windows_version");
      const version = rows[0]?.version ?? -1;
      await slow.query("begin");
      expect(await holdFences(slow, owned, version)).toBe("ok");
      await slow.query("rollback");
      // The database gives the first one up, while it is only slow.
      await slow.query("select pg_advisory_unlock_all()");
      expect(await takePartitions(next, new Map(), 1)).toEqual([0]);
      await slow.query("begin");
      expect(await holdFences(slow, owned, version)).toBe("lost");
      await slow.query("rollback");
    } finally {
      slow.release(true);
      next.release(true);
    }
  });
});
