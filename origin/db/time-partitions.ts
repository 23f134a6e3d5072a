// Tables that are partitioned by time: partitions are made beside the table and attached ahead of time, and dropped after
// they were detached. A reader's lock (a dump, a forgotten transaction) never makes a writer wait, as it would behind
// `create table … partition of` and `drop table`: those ask for the whole table, and everything else queues behind them.
//
// Attaching and `detach … concurrently` ask for SHARE UPDATE EXCLUSIVE, which is in the way of no reader and no writer. Where
// somebody holds a lock that is in their way (ANALYZE, an index build), they give up after LOCK_WAIT and are tried again.
import { LOCK_NOT_AVAILABLE, sqlState } from "./errors.ts";
import { inClientTransaction, withClient, type Client, type Pool } from "./pool.ts";

const LOCK_WAIT = "1s";
/** Marks what was detached to be dropped. A table that a person has detached is left alone. */
const DROP_MARK = "Detached by Sluice, to be dropped";

export type TimePartition = { readonly name: string; readonly begins: string; readonly ends: string };

/** A piece of upkeep that had to give up; it is to be tried again. */
export class PartitionsWaitError extends Error {
  override readonly name = "PartitionsWaitError";
}

type Holder = { pid: number; application_name: string | null; mode: string; since: string | null };

/** Locks of readers and writers, which attaching a partition does not wait for. */
const OF_READERS_AND_WRITERS = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"];

/** Who holds locks on these tables, in words. */
const describeHolders = async (client: Client, { tables, passed }: Waiting): Promise<string> => {
  const { rows } = await client.query<Holder>(
    `select distinct l.pid, a.application_name, l.mode, date_trunc('second', a.xact_start)::text as since
     from pg_locks l join pg_stat_activity a using (pid)
     where l.granted and l.pid <> pg_backend_pid() and l.mode <> all($2)
       and l.database = (select oid from pg_database where datname = current_database())
       and l.relation in (select to_regclass(name)::oid from unnest($1::text[]) name)
     order by l.pid limit 5`,
    [tables, passed],
  );
  if (rows.length === 0) return "whoever held the lock has ended meanwhile";
  return rows
    .map(
      ({ pid, application_name: application, mode, since }) =>
        `${mode} is held by PostgreSQL process ${pid}${application ? ` (${application})` : ""}${since === null ? "" : ` since ${since}`}`,
    )
    .join("; ");
};

/** What a piece of work may wait for: a lock on `tables`, other than the modes that are `passed`. */
type Waiting = { readonly tables: readonly string[]; readonly passed: readonly string[] };

/** Says who was in the way of work that gave up. The connection must not be left in a failed transaction. */
const orGiveUp = async (client: Client, waiting: Waiting, work: () => Promise<unknown>): Promise<void> => {
  try {
    await work();
  } catch (cause) {
    if (sqlState(cause) !== LOCK_NOT_AVAILABLE) throw cause;
    throw new PartitionsWaitError(await describeHolders(client, waiting), { cause });
  }
};

/**
 * Lends a connection that alone keeps the partitions of `parent`. The settings and locks of its session end with it. Throws a
 * PartitionsWaitError while another process is at it.
 */
export const asPartitionKeeper = <T>(
  pool: Pool,
  parent: string,
  work: (client: Client) => Promise<T>,
): Promise<T> =>
  withClient(pool, async (client, drop) => {
    try {
      await client.query(`set lock_timeout = '${LOCK_WAIT}'`);
      await client.query("set timezone = 'UTC'");
      await orGiveUp(client, { tables: [], passed: [] }, () =>
        client.query("select pg_advisory_lock(hashtext($1))", [`${parent} partitions`]),
      );
      return await work(client);
    } finally {
      drop("its locks and settings end with it");
    }
  });

const isAttached = async (client: Client, parent: string, name: string): Promise<boolean> => {
  const { rowCount } = await client.query(
    "select from pg_inherits where inhparent = $1::regclass and inhrelid = to_regclass($2)",
    [parent, name],
  );
  return rowCount === 1;
};

/** Where `create table … partition of` would put it, which `like` does not say. */
const tablespaceOf = async (client: Client, parent: string): Promise<string> => {
  const { rows } = await client.query<{ name: string }>(
    `select t.spcname as name from pg_class c join pg_tablespace t on t.oid = c.reltablespace
     where c.oid = $1::regclass`,
    [parent],
  );
  return rows[0] === undefined ? "" : ` tablespace ${client.escapeIdentifier(rows[0].name)}`;
};

/** Does `work` for each; one that fails is no reason to leave out the others. Throws the first error at the end. */
const forEach = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const errors: unknown[] = [];
  for (const item of items) await work(item).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
};

/**
 * Makes and attaches those of `wanted` that are missing, one after the other; returns their names. Where a lock is in the
 * way it gives up at once, since it would be in the way of the next one too.
 */
export const attachPartitions = async (
  client: Client,
  parent: string,
  wanted: readonly TimePartition[],
): Promise<string[]> => {
  const made: string[] = [];
  const tablespace = await tablespaceOf(client, parent);
  let waits: PartitionsWaitError | undefined;
  await forEach(wanted, async ({ name, begins, ends }) => {
    if (waits !== undefined || (await isAttached(client, parent, name))) return;
    const table = client.escapeIdentifier(name);
    const bounds = [begins, ends].map((time) => client.escapeLiteral(time));
    await orGiveUp(client, { tables: [parent], passed: OF_READERS_AND_WRITERS }, () =>
      inClientTransaction(client, async () => {
        await client.query(`create table ${table} (like ${parent} including all)${tablespace}`);
        await client.query(
          `alter table ${parent} attach partition ${table} for values from (${bounds[0]}) to (${bounds[1]})`,
        );
      }),
    ).catch((error: unknown) => {
      if (error instanceof PartitionsWaitError) waits = error;
      throw error;
    });
    made.push(name);
  });
  return made;
};

type Pending = { name: string };

/** Ends a detachment that was begun and whose process died or gave up waiting. There is at most one of a table. */
const finishDetaching = async (client: Client, parent: string): Promise<void> => {
  const { rows } = await client.query<Pending>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = $1::regclass and i.inhdetachpending`,
    [parent],
  );
  for (const { name } of rows)
    await orGiveUp(client, { tables: [parent, name], passed: [] }, () =>
      client.query(`alter table ${parent} detach partition ${client.escapeIdentifier(name)} finalize`),
    );
};

/** Drops what was detached. Only its own readers are in the way: everything else no longer sees it. */
const dropDetached = async (client: Client, prefix: string): Promise<string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class c
     where relkind = 'r' and not relispartition and starts_with(relname, $1)
       and obj_description(oid, 'pg_class') = $2 and pg_table_is_visible(oid)
     order by 1`,
    [prefix, DROP_MARK],
  );
  const dropped: string[] = [];
  await forEach(rows, async ({ name }) => {
    await orGiveUp(client, { tables: [name], passed: [] }, () =>
      client.query(`drop table ${client.escapeIdentifier(name)}`),
    );
    dropped.push(name);
  });
  return dropped;
};

/** The table is marked before: a process may die between the two, and what is detached can only be told by its mark. */
const detach = (client: Client, parent: string, name: string): Promise<void> =>
  orGiveUp(client, { tables: [parent, name], passed: [] }, async () => {
    const table = client.escapeIdentifier(name);
    await client.query(`comment on table ${table} is ${client.escapeLiteral(DROP_MARK)}`);
    await client.query(`alter table ${parent} detach partition ${table} concurrently`);
  });

/**
 * Detaches and drops the partitions of these names, and those of earlier calls that had to give up; returns the names of
 * the dropped ones. Afterwards no query sees a detached partition, also while its table cannot be dropped yet.
 */
export const dropPartitions = async (
  client: Client,
  parent: string,
  over: readonly string[],
): Promise<string[]> => {
  const dropped: string[] = [];
  await forEach(
    [
      async () => {
        await finishDetaching(client, parent);
        for (const name of over) await detach(client, parent, name);
      },
      async () => void dropped.push(...(await dropDetached(client, `${parent}_`))),
    ],
    (step) => step(),
  );
  return dropped;
};
