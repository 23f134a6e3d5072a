// An installation of several ingest and fold processes, whose partitions live in one or several databases. Each one is new: its databases
// are empty, its processes have just started.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { readPositionsOfAll } from "../../origin/aggregate/checkpoints.ts";
import { movePartition } from "../../origin/aggregate/move/move-partition.ts";
import { readPartitionOwners } from "../../origin/aggregate/partition-facts.ts";
import {
  MAIN,
  prepareAggregateDatabase,
  type AggregateDatabase,
} from "../../origin/db/aggregate-databases.ts";
import type { EmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { freePort } from "../../origin/db/free-port.ts";
import { migrate } from "../../origin/db/migrate.ts";
import { makePool } from "../../origin/db/pool.ts";
import { makePostgresLogReader } from "../../origin/span-log/read-log.ts";
import { startOriginProcess, type OriginProcess } from "../../scripts/local-stack/origin-process.ts";
import { DEFAULT_PARTITIONS, partitionsOf } from "../../shared/telemetry/partition-numbers.ts";
import { declareFeatures } from "./setting.ts";

const READY_S = 60;
const NO_LOG = { info: () => {}, warn: () => {} };
let made = 0;

/** An empty database of its own on the server. */
const createDatabase = async ({ url }: EmbeddedPostgres, name: string): Promise<string> => {
  const pool = makePool(url, { applicationName: "sluice-bench", max: 1, onIdleError: () => {} });
  try {
    await pool.query(`create database ${name}`);
  } finally {
    await pool.end();
  }
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
};

/** The databases of the installation, one on each server, the main one first. Partitions are dealt to them in turn. */
const makeDatabases = async (servers: readonly EmbeddedPostgres[], features: number) => {
  const databaseName = `bench_${made++}`;
  const urls = await Promise.all(servers.map((server) => createDatabase(server, databaseName)));
  const all = urls.map((url, at) => {
    const pool = makePool(url, { applicationName: "sluice-bench", max: 3, onIdleError: () => {} });
    return { name: at === 0 ? MAIN : `aggregates${at}`, url: () => url, pool: () => pool };
  });
  const [main, ...others] = all;
  if (main === undefined) throw new Error("unreachable: there is no main database");
  await migrate(main.url());
  await Promise.all(
    others.map(({ name, url }) => prepareAggregateDatabase({ name, url: url() }, main.pool(), NO_LOG)),
  );
  for (const [at, partition] of partitionsOf(DEFAULT_PARTITIONS).entries()) {
    const home = all[at % all.length];
    if (home !== undefined && home !== main)
      await movePartition(main.pool(), all, { partition, to: home.name });
  }
  return { main, others, all, features: await declareFeatures(main.pool(), features) };
};

/** Waits until every partition is folded, by so many processes. */
const partitionsShared = async (databases: readonly AggregateDatabase[], folds: number): Promise<void> => {
  for (const deadline = performance.now() + READY_S * 1_000; performance.now() < deadline; await sleep(100)) {
    const owners = await Promise.all(databases.map(({ pool }) => readPartitionOwners(pool())));
    const partitions = owners.reduce((sum, { size }) => sum + size, 0);
    const sessions = new Set(
      owners.flatMap((each, at) => [...each.values()].map((owner) => `${at} ${owner}`)),
    );
    // One process has a session in each database that it folds in.
    const atLeast = Math.max(folds, databases.length);
    if (partitions === DEFAULT_PARTITIONS && sessions.size >= atLeast) return;
  }
  throw new Error(`the partitions were not shared among ${folds} fold processes within ${READY_S} s`);
};

export const startInstallation = async (options: {
  servers: readonly EmbeddedPostgres[];
  /** of each role */
  processes: number;
  features: number;
}) => {
  const { main, others, all, features } = await makeDatabases(options.servers, options.features);
  const token = randomBytes(16).toString("hex");
  const start = async (role: "ingest" | "fold"): Promise<OriginProcess> =>
    startOriginProcess({
      port: await freePort(),
      env: {
        ROLES: role,
        DATABASE_URL: main.url(),
        ...(others.length > 0 && {
          AGGREGATE_DATABASE_URLS: others.map(({ name, url }) => `${name}=${url()}`).join(","),
        }),
        INGEST_TOKEN: token,
        ADMIN_TOKEN: randomBytes(16).toString("hex"),
        LOG_LEVEL: "warn",
      },
      onLine: (line) => process.stderr.write(`${line}\n`),
    });
  const ofRole = (role: "ingest" | "fold") =>
    Promise.all(Array.from({ length: options.processes }, () => start(role)));
  const [ingests, folds] = await Promise.all([ofRole("ingest"), ofRole("fold")]);
  const stop = async (): Promise<void> => {
    await Promise.all([...ingests, ...folds].map((each) => each.stop()));
    await Promise.all(all.map(({ pool }) => pool().end()));
  };
  try {
    await Promise.all([...ingests, ...folds].map((each) => each.ready()));
    await partitionsShared(all, options.processes);
  } catch (error) {
    await stop();
    throw error;
  }
  const log = makePostgresLogReader(main.pool());

  return {
    ingests,
    folds,
    features,
    token,
    /** Waits until nothing acknowledged is unfolded. */
    folded: async (): Promise<void> => {
      while ((await log.unfoldedSeconds(await readPositionsOfAll(main.pool(), all))) > 0) await sleep(100);
    },
    /** Requests of all databases, with those that are left out for a stated reason. */
    counted: async (): Promise<number> => {
      let sum = 0;
      for (const { pool } of all) {
        const { rows } = await pool().query<{ counted: number }>(
          `select ((select coalesce(sum(requests), 0) from latency_sketches)
             + (select coalesce(sum(spans), 0) from uncounted_signals)
             + (select coalesce(sum(spans), 0) from uncounted_by_partition))::float8 as counted`,
        );
        sum += rows[0]?.counted ?? 0;
      }
      return sum;
    },
    stop,
  };
};
