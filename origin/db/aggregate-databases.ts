// The databases that aggregates live in: the main one, and those of AGGREGATE_DATABASE_URLS. Each partition lives in one of
// them, which the main database knows. One that cannot be reached is no reason not to start: it is tried again, and its
// partitions wait.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../runtime/log.ts";
import { errorText } from "../runtime/error-text.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import { sessionProblem } from "./check-sessions.ts";
import { migrate } from "./migrate.ts";
import { makePool, type Pool, type Queryable } from "./pool.ts";
import { serviceUrlOf } from "./service-role.ts";

/** An answer that takes longer comes too late for an evaluation. */
const QUERY_TIMEOUT_MS = 5_000;

/** The database of DATABASE_URL, as a place of partitions. */
export const MAIN = "main";

export type AggregateDatabase = {
  readonly name: string;
  /**
   * For connections with the service's rights. Throws when it has not been reached yet: nobody knows then whether it has the
   * service's role, and what its owner makes there the service could not change.
   */
  readonly url: () => string;
  /** Throws when it has not been reached yet. */
  readonly pool: () => Pool;
};

export type AggregateDatabases = {
  /** The main one first. */
  readonly all: readonly AggregateDatabase[];
  /** Why databases cannot be worked with, by name. Checked every few seconds. */
  readonly problems: () => ReadonlyMap<string, string>;
  readonly stop: () => Promise<void>;
};

/** Throws when AGGREGATE_DATABASE_URLS of this process does not name it. */
export const databaseOf = (databases: readonly AggregateDatabase[], name: string): AggregateDatabase => {
  const found = databases.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`AGGREGATE_DATABASE_URLS does not name the database ${name}, and partitions live there`);
  return found;
};

/** Where partitions live, as the main database says. */
export type Places = {
  /** Another number after each move. */
  readonly moves: number;
  /** Whether the main database keeps its counts by partition; the others do. Before, it has all partitions. */
  readonly byPartition: boolean;
  readonly byDatabase: ReadonlyMap<string, readonly number[]>;
};

export const readPlaces = async (main: Queryable): Promise<Places> => {
  const { rows } = await main.query<{
    database: string;
    partitions: number[];
    moves: number;
    byPartition: boolean;
  }>({
    name: "read-places",
    text: `
      select p.database, array_agg(p.partition::integer order by p.partition) as partitions, sum(p.moves)::float8 as moves,
        d.by_partition as "byPartition"
      from partition_places p, aggregate_database d group by p.database, d.by_partition order by 1`,
  });
  return {
    moves: rows.reduce((sum, { moves }) => sum + moves, 0),
    byPartition: rows[0]?.byPartition === true,
    byDatabase: new Map(rows.map(({ database, partitions }) => [database, partitions])),
  };
};

type Identity = { readonly name: string | null; readonly installation: string };

const readIdentity = async (db: Queryable): Promise<Identity> => {
  const { rows } = await db.query<Identity>("select name, installation from aggregate_database");
  const [identity] = rows;
  if (identity === undefined) throw new Error("the table aggregate_database has no row");
  return identity;
};

/** What is wrong with a database that calls itself so; null: it is the one that is meant. */
const identityProblem = (found: Identity, wanted: Identity): string | null => {
  if (found.installation !== wanted.installation) return "it belongs to another Sluice";
  return found.name === wanted.name ? null : `it is the aggregate database ${found.name}, not ${wanted.name}`;
};

/** A new database learns its name. One in which anything is counted or declared is none of ours. */
const register = async (db: Queryable, wanted: Identity): Promise<void> => {
  await db.query(
    `with named as (
       update aggregate_database set name = $1, installation = $2, by_partition = true
       where name is null and not exists (select from feature_flags) and not exists (select from fold_checkpoints)
         and not exists (select from unit_runs) and not exists (select from outcome_counts)
       returning name
     )
     delete from fold_partitions where exists (select from named)`,
    [wanted.name, wanted.installation],
  );
  const found = await readIdentity(db);
  if (found.name === null)
    throw new Error("it has features or counts of its own; an aggregate database begins empty");
  const problem = identityProblem(found, wanted);
  if (problem !== null) throw new Error(problem);
};

/** Throws unless this is the aggregate database of that name that belongs to this main database. */
export const assertIdentity = async (db: Queryable, name: string, main: Queryable): Promise<void> => {
  if (name === MAIN) return;
  const { installation } = await readIdentity(main);
  const problem = identityProblem(await readIdentity(db), { name, installation });
  if (problem !== null) throw new Error(problem);
};

/** Brings the database to the newest schema and gives it its name. Returns the URL of the service's rights. */
export const prepareAggregateDatabase = async (
  { name, url }: { readonly name: string; readonly url: string },
  main: Queryable,
  log: Pick<Logger, "warn" | "info">,
  migrates = true,
): Promise<string> => {
  const unusable = await sessionProblem(url);
  if (unusable !== null) throw new Error(unusable);
  const migrated = migrates
    ? await migrate(url, (message) =>
        log.warn({ database: name, message }, "a migration reported this warning"),
      )
    : [];
  if (migrated.length > 0) log.info({ database: name, migrated }, "an aggregate database was migrated");
  const serviceUrl = (await serviceUrlOf(url)) ?? url;
  const { installation } = await readIdentity(main);
  const pool = makePool(serviceUrl, {
    applicationName: "sluice-register",
    max: 1,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    onIdleError: () => {},
  });
  try {
    await register(pool, { name, installation });
  } finally {
    await pool.end();
  }
  return serviceUrl;
};

const CHECK_EVERY_MS = 5_000;
/** A database that says nothing holds up the start for so long. */
const FIRST_CHECK_MS = 10_000;

/** Does not wait for databases that cannot be reached. */
export const openAggregateDatabases = async (options: {
  configured: readonly { readonly name: string; readonly url: string }[];
  /** Whether this process brings them to the newest schema; else another one does. */
  migrates: boolean;
  main: { readonly url: string; readonly pool: Pool };
  log: Logger;
  isStopping: () => boolean;
}): Promise<AggregateDatabases> => {
  const { configured, migrates, main, log, isStopping } = options;
  const problems = new Map<string, string>();
  const connect = (name: string, url: string): Pool =>
    makePool(url, {
      applicationName: "sluice-aggregates",
      max: 4,
      queryTimeoutMs: QUERY_TIMEOUT_MS,
      onIdleError: ({ message }) => {
        if (!isStopping())
          log.warn(
            { database: name, error: message },
            "an idle database connection broke; the pool makes another",
          );
      },
    });
  const opened = configured.map(({ name, url }) => {
    let prepared: { readonly url: string; readonly pool: Pool } | undefined;
    const reached = () => {
      if (prepared === undefined) throw new Error(`the aggregate database ${name} has not been reached yet`);
      return prepared;
    };
    return {
      name,
      url: () => reached().url,
      pool: () => reached().pool,
      check: async (): Promise<void> => {
        if (prepared === undefined) {
          const serviceUrl = await prepareAggregateDatabase({ name, url }, main.pool, log, migrates);
          prepared = { url: serviceUrl, pool: connect(name, serviceUrl) };
        }
        await assertIdentity(prepared.pool, name, main.pool);
      },
      end: async (): Promise<void> => prepared?.pool.end(),
    };
  });

  const check = async (): Promise<void> => {
    await Promise.all(
      opened.map(async ({ name, check: checkOne }) => {
        try {
          await checkOne();
          if (problems.delete(name)) log.info({ database: name }, "an aggregate database can be used again");
        } catch (error) {
          const isNew = !problems.has(name);
          problems.set(name, errorText(error));
          if (isNew && !isStopping())
            log.error(
              { database: name, error: errorText(error) },
              "ALERT: an aggregate database cannot be used; its partitions wait, and decisions are made on the people of the others",
            );
        }
      }),
    );
  };
  const first = check();
  if (opened.length > 0) await Promise.race([first, sleep(FIRST_CHECK_MS, undefined, { ref: false })]);
  const task =
    opened.length === 0
      ? undefined
      : startPeriodicTask({ everyMs: CHECK_EVERY_MS, run: check, onError: () => {} });
  return {
    all: [{ name: MAIN, url: () => main.url, pool: () => main.pool }, ...opened],
    problems: () => problems,
    stop: async () => {
      await task?.stop();
      await first;
      await Promise.all(opened.map(({ end }) => end()));
    },
  };
};
