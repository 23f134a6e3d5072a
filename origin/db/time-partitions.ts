// Tables that are partitioned by time: functions of the database's owner make their partitions and drop them, since the service
// may not create tables. A partition is made beside the table and attached ahead of time: a reader's lock (a dump, a forgotten
// transaction) never makes a writer wait, as it would behind `create table … partition of`.
//
// Attaching asks for SHARE UPDATE EXCLUSIVE, which is in the way of no reader and no writer. Dropping needs the whole table for a
// moment: it asks for the old partition first, and then for the table for a tenth of a second at most. (`detach … concurrently` would
// do with less, but no function can run it.) Where somebody holds a lock that is in the way, both give up and are tried again.
import { LOCK_NOT_AVAILABLE, sqlState } from "./errors.ts";
import { withClient, type Client, type Pool, type Queryable } from "./pool.ts";

const LOCK_WAIT = "1s";
/** Marks what an earlier version has detached to drop it. A table that a person has detached is left alone. */
const DROP_MARK = "Detached by Sluice, to be dropped";

/** `begins`: an hour of span_log, a month of otel_spans. */
export type TimePartition = { readonly name: string; readonly begins: string };

/** A piece of upkeep that had to give up; it is to be tried again. */
export class PartitionsWaitError extends Error {
  override readonly name: string = "PartitionsWaitError";
}

/** Another process is at the same upkeep: what there is to do is done by it, or it is to be tried again. */
export class OtherKeeperError extends PartitionsWaitError {
  override readonly name = "OtherKeeperError";
}

const keeperLock = (parent: string): string => `${parent} partitions`;

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

/** Who is the keeper whose lock has this name, in words. */
const describeKeeper = async (client: Client, lock: string): Promise<string> => {
  const { rows } = await client.query<Pick<Holder, "pid" | "application_name">>(
    `select l.pid, a.application_name
     from pg_locks l join pg_stat_activity a using (pid)
     where l.granted and l.locktype = 'advisory' and l.objsubid = 1
       and l.database = (select oid from pg_database where datname = current_database())
       and (l.classid::bigint << 32) | l.objid::bigint = hashtext($1)`,
    [lock],
  );
  const [keeper] = rows;
  return keeper === undefined
    ? "another process was at it, and has ended meanwhile"
    : `another process is at it: PostgreSQL process ${keeper.pid} (${keeper.application_name ?? ""})`;
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

/** Waits until nobody keeps the partitions of `parent`, and then keeps others from it for as long as `work` takes. */
export const withoutPartitionUpkeep = async <T>(
  client: Client,
  parent: string,
  work: () => Promise<T>,
): Promise<T> => {
  await client.query("select pg_advisory_lock(hashtext($1))", [keeperLock(parent)]);
  try {
    return await work();
  } finally {
    await client.query("select pg_advisory_unlock(hashtext($1))", [keeperLock(parent)]);
  }
};

/**
 * Lends a connection that alone keeps the partitions of `parent`. The settings and locks of its session end with it. Throws an
 * OtherKeeperError while another process is at it.
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
      const lock = keeperLock(parent);
      try {
        await client.query("select pg_advisory_lock(hashtext($1))", [lock]);
      } catch (cause) {
        if (sqlState(cause) !== LOCK_NOT_AVAILABLE) throw cause;
        throw new OtherKeeperError(await describeKeeper(client, lock), { cause });
      }
      return await work(client);
    } finally {
      drop("its locks and settings end with it");
    }
  });

/** Does `work` for each; one that fails is no reason to leave out the others, unless it waits for a lock, for which they would wait too. */
const forEach = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const errors: unknown[] = [];
  let waits = false;
  for (const item of items)
    if (!waits)
      await work(item).catch((error: unknown) => {
        waits = error instanceof PartitionsWaitError;
        errors.push(error);
      });
  if (errors.length > 0) throw errors.find((error) => error instanceof PartitionsWaitError) ?? errors[0];
};

/** Those of `wanted` that the table does not have. It asks for no lock, and nearly always there are none. */
export const missingPartitions = async (
  db: Queryable,
  parent: string,
  wanted: readonly TimePartition[],
): Promise<TimePartition[]> => {
  const { rows } = await db.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass`,
    [parent],
  );
  const attached = new Set(rows.map(({ name }) => name));
  return wanted.filter(({ name }) => !attached.has(name));
};

/** Makes and attaches those of `wanted` that are still missing, one after the other; returns their names. */
export const attachPartitions = async (
  client: Client,
  parent: string,
  wanted: readonly TimePartition[],
): Promise<string[]> => {
  // Another process may have made them while this one waited to be the keeper.
  const missing = await missingPartitions(client, parent, wanted);
  await forEach(missing, ({ begins }) =>
    orGiveUp(client, { tables: [parent], passed: OF_READERS_AND_WRITERS }, () =>
      client.query("select make_time_partition($1, $2::timestamptz)", [parent, begins]),
    ),
  );
  return missing.map(({ name }) => name);
};

/**
 * What a process of an earlier version has begun to drop: a detachment that was not finished, and tables that were detached. It asks for
 * no lock.
 */
export const leftPartitions = async (db: Queryable, parent: string): Promise<string[]> => {
  const { rows } = await db.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = $1::regclass and i.inhdetachpending
     union
     select relname from pg_class c
     where relkind = 'r' and not relispartition and starts_with(relname, $2)
       and obj_description(oid, 'pg_class') = $3 and pg_table_is_visible(oid)
     order by 1`,
    [parent, `${parent}_`, DROP_MARK],
  );
  return rows.map(({ name }) => name);
};

/** Drops the partitions of these names, and what is left of earlier ones; returns the names of the dropped ones. */
export const dropPartitions = async (
  client: Client,
  parent: string,
  over: readonly string[],
): Promise<string[]> => {
  const dropped: string[] = [];
  await forEach([...(await leftPartitions(client, parent)), ...over], async (name) => {
    await orGiveUp(client, { tables: [parent, name], passed: [] }, () =>
      client.query("select drop_time_partition($1, $2)", [parent, name]),
    );
    dropped.push(name);
  });
  return dropped;
};
