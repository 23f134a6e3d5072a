// Moves of partitions while a database cannot be reached, or says nothing: a PostgreSQL that is stopped takes connections and answers none.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { finishMoves, readUnfinished } from "../../../origin/aggregate/move/finish-moves.ts";
import { movePartition, type Step } from "../../../origin/aggregate/move/move-partition.ts";
import { takePartition } from "../../../origin/aggregate/partition-ownership.ts";
import { createRun, finishRun, tableOf } from "../../../origin/aggregate/units/unit-run.ts";
import {
  prepareAggregateDatabase,
  readPlaces,
  type AggregateDatabase,
} from "../../../origin/db/aggregate-databases.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../../origin/db/embedded-postgres.ts";
import { makePool, withClient, type Pool } from "../../../origin/db/pool.ts";
import { makeLogger } from "../../../origin/runtime/log.ts";
import { makeAggregateDatabases } from "../../support/aggregate-databases.ts";
import { runCli } from "../../support/cli.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { signalServer } from "../../support/signal-server.ts";

const SILENT_AFTER_MS = 1_000;

let folder: string;
let server: EmbeddedPostgres;
let farPool: Pool;
let main: TestDatabase;
let aggregates: Awaited<ReturnType<typeof makeAggregateDatabases>>;
/** `far` is on a server of its own. */
let databases: readonly AggregateDatabase[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-silent-"));
  [server, main] = await Promise.all([
    startEmbeddedPostgres({ dataDir: folder, settings: { fsync: "off" } }),
    makeTestDatabase(),
  ]);
  aggregates = await makeAggregateDatabases(main, ["a"]);
  const url = await prepareAggregateDatabase(
    { name: "far", url: server.url },
    main.pool,
    makeLogger("silent"),
  );
  farPool = makePool(url, {
    applicationName: "sluice-aggregates",
    queryTimeoutMs: 500,
    connectTimeoutMs: 500,
    onIdleError: () => {},
  });
  databases = [...aggregates.all, { name: "far", url: () => url, pool: () => farPool }];
});
afterEach(() => signalServer(server.pid, "SIGCONT"));
afterAll(async () => {
  await farPool.end();
  await server.stop();
  await aggregates.drop();
  await main.drop();
  await rm(folder, { recursive: true, force: true });
});

const move = (partition: number, to: string, onStep?: (step: Step) => Promise<void>) =>
  movePartition(main.servicePool, databases, { partition, to, silentAfterMs: SILENT_AFTER_MS }, onStep);
const pauseAt = (at: Step) => async (step: Step) => {
  if (step === at) signalServer(server.pid, "SIGSTOP");
};
const homeOf = async (partition: number) =>
  [...(await readPlaces(main.pool)).byDatabase].find(([, homes]) => homes.includes(partition))?.[0];

test("a move onto a database that stops answering ends within some seconds and names it, and the partition is folded where it was", async () => {
  const beganAt = performance.now();
  await expect(move(1, "far", pauseAt("owned"))).rejects.toThrow(
    "the aggregate database far has not answered for 1 s",
  );
  expect(performance.now() - beganAt).toBeLessThan(8_000);
  expect(await homeOf(1)).toBe("main");
  await withClient(main.servicePool, async (client, drop) => {
    expect(await takePartition(client, 1)).not.toBeNull();
    drop("its lock ends with it");
  });
  signalServer(server.pid, "SIGCONT");
  expect(await move(1, "far")).toMatchObject({ from: "main", to: "far" });
});

test("a move from a database that stops answering does so too", async () => {
  await expect(move(1, "main", pauseAt("full runs copied"))).rejects.toThrow(
    "the aggregate database far has not answered for 1 s",
  );
  signalServer(server.pid, "SIGCONT");
  expect(await move(1, "main")).toMatchObject({ from: "far", to: "main" });
});

test("a move that is stuck behind a silent database keeps no other one waiting, and is finished when it answers", async () => {
  await expect(move(2, "far", pauseAt("left"))).rejects.toThrow(
    "the aggregate database far has not answered for 1 s",
  );
  expect(await move(3, "a")).toMatchObject({ from: "main", to: "a" });
  // Of that partition itself nothing can be done.
  await expect(move(2, "a")).rejects.toThrow("the aggregate database far cannot be reached");
  signalServer(server.pid, "SIGCONT");
  const { finished } = await finishMoves(main.servicePool, databases);
  expect(finished).toMatchObject([{ partition: 2, from: "main", to: "far" }]);
  expect(await homeOf(2)).toBe("far");
});

test("the command names a database that cannot be reached and what to do, and moves partitions that do not need it", async () => {
  await expect(
    move(3, "far", async (step) => {
      if (step === "left") throw new Error("killed");
    }),
  ).rejects.toThrow("killed");
  const env = {
    DATABASE_URL: main.url,
    AGGREGATE_DATABASE_URLS: [...aggregates.configured, { name: "far", url: "postgres://127.0.0.1:1/away" }]
      .map(({ name, url }) => `${name}=${url}`)
      .join(),
  };
  const [stuck, other] = await Promise.all([
    runCli(["partitions", "move", "0", "--to", "far"], env),
    runCli(["partitions", "move", "1", "--to", "a"], env),
  ]);
  expect(stuck.code).toBe(1);
  expect(stuck.error).toMatch(
    /^sluice: the aggregate database far cannot be used: .*\. Run the move again when that is mended/m,
  );
  expect(other.error).toMatch(
    /^the move of partition 3 from a to far cannot be finished now: the aggregate database far/,
  );
  expect(other.code).toBe(0);
  expect(await homeOf(1)).toBe("a");
  expect(await readUnfinished(databases)).toHaveLength(1);
}, 30_000);

test("units that upkeep deletes between two tries of a move do not keep the partition from arriving whole", async () => {
  const run = await withClient(main.servicePool, async (client) => {
    const made = await createRun(client, 0);
    if (made === undefined) throw new Error("a lock is in the way");
    await client.query(
      `insert into ${tableOf(made)} (unit_key, feature_id, epoch, unit_id, cohort, first_exposed_at)
       select n, 'feat_pruned', 1, 'unit ' || n, 1, now() from generate_series(1, 10) n`,
    );
    await finishRun(client, made, 0);
    return made;
  });
  const deleteOne = () =>
    main.pool.query(
      `delete from ${tableOf(run)} where unit_key = (select min(unit_key) from ${tableOf(run)})`,
    );
  const duringMove = async (step: Step): Promise<void> => {
    if (step === "full runs copied") await deleteOne();
  };
  await expect(move(0, "a", duringMove)).rejects.toThrow("did not arrive whole");
  expect(await move(0, "a")).toMatchObject({ facts: { unit_evidence: "9 rows" } });
});
