// Decides which process folds a partition. A partition belongs to the session that holds its advisory lock; the lock ends with
// the session. A session that the database has given up may still be writing, so each new owner raises the partition's
// fence, and a transaction under an older fence does nothing.
import type { Client, Queryable } from "../db/pool.ts";
import { excessOf } from "./fair-share.ts";

const LOCK_CLASS = "hashtext('sluice fold partition')";
export const FOLD_APPLICATION = "sluice-fold";

/** Fence by owned partition. */
export type Owned = ReadonlyMap<number, number>;

/** SQL: whether a row of pg_locks is the lock of a partition in this database, held by its owner. */
export const lockOfPartition = (locks: string, lockClass = LOCK_CLASS): string =>
  `${locks}.locktype = 'advisory' and ${locks}.granted and ${locks}.objsubid = 2
   and ${locks}.database = (select oid from pg_database where datname = current_database())
   and ${locks}.classid = ${lockClass}::bigint::bit(32)::bigint::oid`;

const MOVE_LOCK_CLASS = "hashtext('sluice partition move')";

/** Asks the owner of the partition to give it back, and nobody to take it, as long as this session lasts. */
export const askForPartition = async (client: Queryable, partition: number): Promise<boolean> => {
  const { rows } = await client.query<{ locked: boolean }>(
    `select pg_try_advisory_lock(${MOVE_LOCK_CLASS}, $1) as locked`,
    [partition],
  );
  return rows[0]?.locked === true;
};

/** Partitions that somebody wants to move away from this database. */
export const partitionsAskedFor = async (client: Queryable): Promise<ReadonlySet<number>> => {
  const { rows } = await client.query<{ partition: number }>({
    name: "partitions-asked-for",
    text: `select objid::integer as partition from pg_locks l where ${lockOfPartition("l", MOVE_LOCK_CLASS)}`,
  });
  return new Set(rows.map(({ partition }) => partition));
};

/** Tries to become the owner of a partition; its new fence, or null while another session owns it. */
export const takePartition = async (client: Queryable, partition: number): Promise<number | null> => {
  const lock = await client.query<{ locked: boolean }>(
    // The setting tells the database that this is no process of a version that knows four partitions only.
    `select pg_try_advisory_lock(${LOCK_CLASS}, $1) as locked, set_config('sluice.knows_partitions', 'on', false)`,
    [partition],
  );
  if (lock.rows[0]?.locked !== true) return null;
  const raised = await client.query<{ fence: number }>(
    "update fold_partitions set fence = fence + 1 where partition = $1 returning fence",
    [partition],
  );
  const fence = raised.rows[0]?.fence;
  if (fence !== undefined) return fence;
  // It has moved to another database since the list was read.
  await client.query(`select pg_advisory_unlock(${LOCK_CLASS}, $1)`, [partition]);
  return null;
};

/** Takes free partitions until `share` are owned, but none of `askedFor`; returns those that were taken. */
export const takePartitions = async (
  client: Client,
  owned: Map<number, number>,
  share: number,
  askedFor: ReadonlySet<number> = new Set(),
): Promise<number[]> => {
  const { rows } = await client.query<{ partition: number }>(
    "select partition from fold_partitions order by 1",
  );
  const taken: number[] = [];
  for (const { partition } of rows) {
    if (owned.size >= share || owned.has(partition) || askedFor.has(partition)) continue;
    const fence = await takePartition(client, partition);
    if (fence === null) continue;
    owned.set(partition, fence);
    taken.push(partition);
  }
  return taken;
};

/** Gives back the partitions above the share, for a process that has just started, and those of `askedFor`; whether there were any. */
export const releaseExcess = async (
  client: Client,
  owned: Map<number, number>,
  share: number,
  askedFor: ReadonlySet<number> = new Set(),
): Promise<boolean> => {
  const released = excessOf(owned.keys(), share, askedFor);
  // Before the locks are given back: other loops of this process count what is owned.
  for (const partition of released) owned.delete(partition);
  for (const partition of released)
    await client.query(`select pg_advisory_unlock(${LOCK_CLASS}, $1)`, [partition]);
  return released.length > 0;
};

/** How many partitions of this database nobody owns. */
export const countFree = async (client: Client): Promise<number> => {
  const { rows } = await client.query<{ free: number }>(
    `select count(*)::integer as free from fold_partitions p
     where not exists (
       select from pg_locks l where ${lockOfPartition("l")} and l.objid = p.partition::oid)`,
  );
  return rows[0]?.free ?? 0;
};

/**
 * In a transaction, before anything is written: locks fences and windows as they are until it ends. "ok" when they are
 * those that this process knows.
 */
export const holdFences = async (
  client: Client,
  owned: Owned,
  windowsVersion: number,
): Promise<"ok" | "lost" | "windowsChanged"> => {
  const { rows } = await client.query<{ partition: number; fence: number; version: number }>({
    name: "hold-fences",
    text: `
      select p.partition, p.fence, v.version
      from fold_partitions p cross join fold_windows_version v
      where p.partition = any($1::smallint[])
      for share`,
    values: [[...owned.keys()]],
  });
  if (rows.length !== owned.size) return "lost";
  for (const { partition, fence, version } of rows) {
    if (owned.get(partition) !== fence) return "lost";
    if (version !== windowsVersion) return "windowsChanged";
  }
  return "ok";
};
