// Decides which process folds a partition. A partition belongs to the session that holds its advisory lock; the lock ends with
// the session. A session that the database has given up may still be writing, so each new owner raises the partition's
// fence, and a transaction under an older fence does nothing.
import type { Client } from "../db/pool.ts";

const LOCK_CLASS = "hashtext('sluice fold partition')";
export const FOLD_APPLICATION = "sluice-fold";

/** Fence by owned partition. */
export type Owned = ReadonlyMap<number, number>;

/** Takes free partitions until `fairShare` are owned; returns those that were taken. */
export const takePartitions = async (
  client: Client,
  owned: Map<number, number>,
  fairShare: number,
): Promise<number[]> => {
  const { rows } = await client.query<{ partition: number }>(
    "select partition from fold_partitions order by 1",
  );
  const taken: number[] = [];
  for (const { partition } of rows) {
    if (owned.size >= fairShare || owned.has(partition)) continue;
    const lock = await client.query<{ locked: boolean }>(
      `select pg_try_advisory_lock(${LOCK_CLASS}, $1) as locked`,
      [partition],
    );
    if (lock.rows[0]?.locked !== true) continue;
    const raised = await client.query<{ fence: number }>(
      "update fold_partitions set fence = fence + 1 where partition = $1 returning fence",
      [partition],
    );
    owned.set(partition, raised.rows[0]?.fence ?? 0);
    taken.push(partition);
  }
  return taken;
};

/** Gives back the partitions above the fair share, for another process that has just started. */
export const releaseExcess = async (
  client: Client,
  owned: Map<number, number>,
  fairShare: number,
): Promise<boolean> => {
  let released = false;
  while (owned.size > fairShare) {
    const partition = Math.max(...owned.keys());
    await client.query(`select pg_advisory_unlock(${LOCK_CLASS}, $1)`, [partition]);
    owned.delete(partition);
    released = true;
  }
  return released;
};

/** Partitions for each of the fold processes that are connected. */
export const fairShareOf = async (client: Client): Promise<number> => {
  const { rows } = await client.query<{ share: number }>(
    `select ceil((select count(*) from fold_partitions)::float8 / greatest(1, (
       select count(*) from pg_stat_activity
       where application_name = $1 and datname = current_database()))) as share`,
    [FOLD_APPLICATION],
  );
  return rows[0]?.share ?? 1;
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
