// `sluice partitions`: where each partition of the aggregates lives, and how it gets into another database. It speaks with the
// databases themselves, since one that is dead or full is the reason to look.
import { defineCommand } from "citty";
import { readPositions } from "../aggregate/checkpoints.ts";
import { asMover, finishMoves, unfinishedText } from "../aggregate/move/finish-moves.ts";
import { ANOTHER_MOVE, MOVER_WAIT_MS, movePartition, type Step } from "../aggregate/move/move-partition.ts";
import { beginMoveTrace } from "../aggregate/move/trace-move.ts";
import { readPartitionOwners, readPartitionSize } from "../aggregate/partition-facts.ts";
import { spanLogOf } from "../environment/settings.ts";
import type { Config } from "../environment/variables.ts";
import {
  databaseOf,
  MAIN,
  prepareAggregateDatabase,
  readPlaces,
  type AggregateDatabase,
} from "../db/aggregate-databases.ts";
import { DatabaseLost, orLost, withOwnConnection } from "../db/own-connection.ts";
import { makePool, type Client, type Pool } from "../db/pool.ts";
import { serviceUrlOf } from "../db/service-role.ts";
import { errorText } from "../runtime/error-text.ts";
import { startTracing } from "../runtime/tracing.ts";
import { openSpanLog } from "../span-log/open-span-log.ts";
import { withDatabase } from "./backup/backup-database.ts";
import { UsageError } from "./errors.ts";
import { readOwnConfig } from "./own-config.ts";
import { jsonArgument, printJson, say } from "./print.ts";
import packageJson from "../../package.json" with { type: "json" };

const QUERY_TIMEOUT_MS = 5_000;

const connect = (url: string): Pool =>
  makePool(url, {
    applicationName: "sluice-partitions",
    max: 3,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    allowExitOnIdle: true,
    onIdleError: () => {},
  });

type Configured = Config["AGGREGATE_DATABASE_URLS"][number];

/** One that cannot be used throws when it is asked. */
const openOne = async (
  { name, url }: Configured,
  main: Pool,
): Promise<AggregateDatabase & { readonly end: () => Promise<void> }> => {
  const quiet = { info: () => {}, warn: () => {} };
  try {
    const ready = await prepareAggregateDatabase({ name, url }, main, quiet);
    const pool = connect(ready);
    return { name, url: () => ready, pool: () => pool, end: () => pool.end() };
  } catch (cause) {
    const unusable = (): never => {
      throw new DatabaseLost(name, "cannot be used", cause);
    };
    return { name, url: unusable, pool: unusable, end: async () => {} };
  }
};

/** Lends the main database and all that are configured. */
const withDatabases = async <T>(
  work: (main: Pool, databases: readonly AggregateDatabase[], config: Config) => Promise<T>,
): Promise<T> => {
  const config = readOwnConfig(process.env);
  const { DATABASE_URL: databaseUrl, DATA_DIR: dataDir, AGGREGATE_DATABASE_URLS: configured } = config;
  return withDatabase({ databaseUrl, dataDir }, { toRead: true }, async (url) => {
    const asService = await serviceUrlOf(url).catch((cause: unknown) => {
      throw new DatabaseLost(MAIN, "cannot be reached", cause);
    });
    const serviceUrl = asService ?? url;
    const main = connect(serviceUrl);
    const others = await Promise.all(configured.map((one) => openOne(one, main)));
    try {
      return await work(main, [{ name: MAIN, url: () => serviceUrl, pool: () => main }, ...others], config);
    } catch (error) {
      throw await orLost(error, MAIN, main);
    } finally {
      await Promise.all([main, ...others].map((one) => one.end()));
    }
  });
};

type Listed = {
  readonly partition: number;
  readonly database: string;
  /** null: nobody folds it */
  readonly owner: string | null;
  readonly lagSeconds: number | null;
  readonly checkpoint: string | null;
  readonly bytes: number | null;
  readonly problem: string | null;
};

const list = async (
  main: Pool,
  databases: readonly AggregateDatabase[],
  config: Config,
): Promise<Listed[]> => {
  const log = await openSpanLog({
    settings: spanLogOf(config),
    name: "sluice partitions",
    pool: main,
    onProblem: (problem) => void process.stderr.write(`${problem}\n`),
  });
  const { byDatabase } = await readPlaces(main);
  const ofDatabase = async (db: Client, name: string, partitions: readonly number[]): Promise<Listed[]> => {
    const owners = await readPartitionOwners(db);
    const { checkpoints } = await readPositions(db, partitions);
    const listed: Listed[] = [];
    for (const partition of partitions) {
      const own = checkpoints.filter((checkpoint) => checkpoint.partition === partition);
      listed.push({
        partition,
        database: name,
        owner: owners.get(partition) ?? null,
        lagSeconds: await log.reader.unfoldedSeconds({ partitions: [partition], checkpoints: own }),
        checkpoint: own.map(({ writer, seq }) => `${writer}:${seq}`).join(" "),
        bytes: await readPartitionSize(db, partition),
        problem: null,
      });
    }
    return listed;
  };
  const found = Array.from(byDatabase, async ([name, partitions]) => {
    try {
      // The size of a large partition takes longer to read than a query may.
      return await withOwnConnection(databaseOf(databases, name), (db) => ofDatabase(db, name, partitions));
    } catch (error) {
      const nothing = { owner: null, lagSeconds: null, checkpoint: null, bytes: null };
      return partitions.map((partition): Listed => ({
        partition,
        database: name,
        ...nothing,
        problem: errorText(error),
      }));
    }
  });
  const listed = (await Promise.all(found)).flat();
  await log.stop();
  return listed.toSorted((a, b) => a.partition - b.partition);
};

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;

const lineOf = ({ partition, database, owner, lagSeconds, checkpoint, bytes, problem }: Listed): string =>
  problem === null
    ? [
        String(partition).padStart(9),
        database.padEnd(12),
        (owner ?? "nobody").padEnd(28),
        `${(lagSeconds ?? 0).toFixed(1)} s`.padStart(9),
        megabytes(bytes ?? 0).padStart(11),
        checkpoint,
      ].join("  ")
    : `${String(partition).padStart(9)}  ${database.padEnd(12)}  cannot be asked: ${problem}`;

const HEAD = [
  "partition",
  "database    ",
  "folded by".padEnd(28),
  "      lag",
  "       size",
  "checkpoint",
].join("  ");

const STEP_TEXT: Readonly<Record<Step, string>> = {
  split: "the counts of the main database are kept by partition from now on",
  "full runs copied": "full runs of units are copied; it is folded as before",
  owned: "nobody folds it any more; what comes in waits in the log",
  copied: "everything is copied, and the counts of both databases are equal",
  left: "it has left; whatever happens now, it lives in the other database",
  told: "evaluations read it there",
  opened: "it is folded there",
  removed: "the old copy is removed",
};

const orSayRunAgain = (error: unknown): never => {
  if (!(error instanceof DatabaseLost)) throw error;
  throw new Error(`${errorText(error)}. Run the move again when that is mended: it goes on where it stopped`);
};

const moveCommand = defineCommand({
  meta: {
    name: "move",
    description:
      "Bring a partition into another database while telemetry comes in; run it again when it was interrupted",
  },
  args: {
    partition: { type: "positional", description: "its number; several separated by commas", required: true },
    to: {
      type: "string",
      valueHint: "DATABASE",
      description: "a name of AGGREGATE_DATABASE_URLS, or main",
      required: true,
    },
    json: jsonArgument,
  },
  run: async ({ args }) => {
    const partitions = args.partition.split(",").map(Number);
    if (!partitions.every((partition) => Number.isInteger(partition) && partition >= 0))
      throw new UsageError(
        "PARTITION must be numbers of partitions such as 2 or 2,3; `sluice partitions list` lists them",
      );
    const moved = await withDatabases(async (main, databases, config) => {
      if (!databases.some(({ name }) => name === args.to))
        throw new UsageError(
          `--to must be one of ${databases.map(({ name }) => name).join(", ")}; AGGREGATE_DATABASE_URLS names the others`,
        );
      const before = await asMover(main, MOVER_WAIT_MS, () => finishMoves(main, databases));
      if (before === null) throw new Error(ANOTHER_MOVE);
      for (const { partition, from, to } of before.finished)
        if (!args.json) say(`Partition ${partition}: the move from ${from} to ${to} is finished.`);
      for (const one of before.unfinished) process.stderr.write(`${unfinishedText(one)}\n`);
      const tracing = await startTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, packageJson.version);
      const done: Awaited<ReturnType<typeof movePartition>>[] = [];
      try {
        for (const partition of partitions) {
          const trace = beginMoveTrace(tracing, { partition, to: args.to, nowMs: Date.now });
          const move = movePartition(main, databases, { partition, to: args.to }, async (step) => {
            trace.step(step);
            if (!args.json) say(`Partition ${partition}: ${STEP_TEXT[step]}.`);
          });
          done.push(
            await move.catch((error: unknown) => {
              trace.end(errorText(error));
              throw error;
            }),
          );
          trace.end();
        }
      } finally {
        await tracing?.stop();
      }
      return done;
    }).catch(orSayRunAgain);
    if (args.json) printJson(moved);
    else
      for (const { partition, to, facts, notAsked } of moved) {
        say(
          facts === null
            ? `Partition ${partition} is in ${to} already.`
            : `Partition ${partition} is in ${to}: ${facts["unit_evidence"]} of units.`,
        );
        for (const problem of notAsked)
          say(`An interrupted move may have left a copy in ${problem}. Run this again when it answers.`);
      }
  },
});

const listCommand = defineCommand({
  meta: {
    name: "list",
    description: "Each partition: its database, who folds it, how far behind, and its size",
  },
  args: { json: jsonArgument },
  run: async ({ args }) => {
    const listed = await withDatabases(list);
    if (args.json) printJson(listed);
    else for (const line of [HEAD, ...listed.map(lineOf)]) say(line);
  },
});

export const partitionsCommand = defineCommand({
  meta: {
    name: "partitions",
    description: "Where the partitions of the aggregates live, and how to move them",
  },
  subCommands: { list: listCommand, move: moveCommand },
});
