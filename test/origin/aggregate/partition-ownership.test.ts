// Several fold processes on one database: each partition has one owner, and an owner that lost its partition writes nothing.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFold, type Fold } from "../../../origin/aggregate/fold-thread.ts";
import { holdFences, takePartitions } from "../../../origin/aggregate/partition-ownership.ts";
import { makeLogger } from "../../../origin/runtime/log.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
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
  test("share the partitions, take over from one that ends, and count every span once", async () => {
    await createFeature(database, "feat_shared");
    const first = start();
    await waitFor(async () => (await locks()).join() === "4");
    const second = start();
    await waitFor(async () => (await locks()).join() === "2,2");
    const send = async () => {
      for (let n = 0; n < 10; n++)
        await telemetry.sendSpans(
          Array.from({ length: 20 }, () => ({ feature: "feat_shared", unit: newUnit() })),
        );
    };
    await send();
    await first.stop();
    await send();
    await waitFor(async () => (await locks()).join() === "4");
    await telemetry.folded();
    const { rows } = await database.pool.query(
      `select (select sum(requests)::integer from latency_sketches) as requests,
         (select sum(units)::integer from outcome_counts where signal = 'exposure') as units`,
    );
    expect(rows).toEqual([{ requests: 400, units: 400 }]);
    await second.stop();
  });

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
