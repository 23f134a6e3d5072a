// Finishes moves of partitions that have left one database. From that moment the partition lives in the other one: whatever interrupts
// the move, everything that is left to do is to say so. Origins do it every some seconds, and the command before it begins.
import { setTimeout as sleep } from "node:timers/promises";
import { databaseOf, MAIN, readPlaces, type AggregateDatabase } from "../../db/aggregate-databases.ts";
import { DatabaseLost, withOwnConnection } from "../../db/own-connection.ts";
import { inClientTransaction, withClient, type Client, type Pool, type Queryable } from "../../db/pool.ts";
import { errorText } from "../../runtime/error-text.ts";
import { lockOfPartition } from "../partition-ownership.ts";
import { dropRuns, runsOf } from "./move-units.ts";
import { deletePartitionRows } from "./partition-tables.ts";

const LOCK_CLASS = "hashtext('sluice partition move of all')";
const PARTITION_LOCK_CLASS = "hashtext('sluice partition mover')";
const ASK_AGAIN_MS = 200;

export type Left = {
  readonly partition: number;
  readonly from: string;
  readonly to: string;
  readonly fence: number;
};

const tryToBeMover = async (client: Client, waitMs: number): Promise<boolean> => {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>(
      `select pg_try_advisory_lock(${LOCK_CLASS}, 0) as locked`,
    );
    if (rows[0]?.locked === true) return true;
    if (performance.now() >= deadline) return false;
    await sleep(ASK_AGAIN_MS);
  }
};

/** One move or finish at a time, wherever it runs. null: another one is at work, also after `waitMs`. */
export const asMover = <T>(main: Pool, waitMs: number, work: () => Promise<T>): Promise<T | null> =>
  withClient(main, async (client, drop) => {
    if (!(await tryToBeMover(client, waitMs))) return null;
    try {
      return await work();
    } finally {
      await client.query(`select pg_advisory_unlock(${LOCK_CLASS}, 0)`).catch(drop);
    }
  });

/** Whether a session of this database moves any partition, also one whose session in the main database has ended. */
export const isMovedIn = async (db: Queryable): Promise<boolean> => {
  const { rowCount } = await db.query(
    `select from pg_locks l where ${lockOfPartition("l", PARTITION_LOCK_CLASS)} limit 1`,
  );
  return (rowCount ?? 0) > 0;
};

export type Ends = { readonly source: Client; readonly target: Client };
/** After how long a database that says nothing ends a move. */
export type Patience = { readonly silentAfterMs?: number };

/**
 * Lends connections to both databases, in whose sessions nobody else moves the partition. The lock of `asMover` is not enough: it is in
 * a session of the main database, which may end while the work goes on.
 */
export const withPartitionHeld = <T>(
  databases: readonly AggregateDatabase[],
  { partition, from, to }: Pick<Left, "partition" | "from" | "to">,
  work: (ends: Ends) => Promise<T>,
  patience: Patience = {},
): Promise<T> => {
  const hold = async (client: Client, database: string): Promise<void> => {
    const { rows } = await client.query<{ locked: boolean }>(
      `select pg_try_advisory_lock(${PARTITION_LOCK_CLASS}, $1) as locked`,
      [partition],
    );
    if (rows[0]?.locked !== true)
      throw new Error(
        `another move of partition ${partition} is at work in the database ${database}; run this one afterwards`,
      );
  };
  // The locks end with these connections.
  return withOwnConnection(
    databaseOf(databases, from),
    (source) =>
      withOwnConnection(
        databaseOf(databases, to),
        async (target) => {
          await hold(source, from);
          await hold(target, to);
          return work({ source, target });
        },
        patience,
      ),
    patience,
  );
};

const readLeft = async ({ name, pool }: AggregateDatabase): Promise<Left[]> => {
  const { rows } = await pool().query<Left>(
    `select partition, $1 as "from", to_database as "to", fence from moved_partitions order by partition`,
    [name],
  );
  return rows;
};

/** The same move, if it is not finished yet. */
const readLeftOf = async (
  source: Queryable,
  { partition, from, to, fence }: Left,
): Promise<Left | undefined> => {
  const { rows } = await source.query<Left>(
    `select partition, $2 as "from", to_database as "to", fence from moved_partitions
     where partition = $1 and to_database = $3 and fence = $4`,
    [partition, from, to, fence],
  );
  return rows[0];
};

/** The main database learns where the partition lives: from here on evaluations read it there. */
const tellMain = async (main: Queryable, { partition, from, to }: Left): Promise<void> => {
  await main.query(
    `update partition_places set database = $3, moves = moves + 1, since = clock_timestamp()
     where partition = $1 and database = $2`,
    [partition, from, to],
  );
};

/** Folds of the other database may take the partition. One that has moved on from there stays away. */
const openAt = async (target: Queryable, { partition, fence }: Left): Promise<void> => {
  await target.query(
    `insert into fold_partitions (partition, fence)
     select $1, $2 where not exists (select from moved_partitions where partition = $1)
     on conflict do nothing`,
    [partition, fence + 1],
  );
};

/** Removes the copy that was left behind; the mark goes last. */
const removeCopy = async (source: Client, { partition }: Left): Promise<void> => {
  const runs = await runsOf(source, partition);
  await dropRuns(
    source,
    runs.map(({ run }) => run),
  );
  await inClientTransaction(source, async () => {
    await deletePartitionRows(source, partition);
    await source.query("delete from moved_partitions where partition = $1", [partition]);
  });
};

export type MoveStep = "told" | "opened" | "removed";

/** Does the rest of one move, on connections that hold the partition. `onStep` hears of each step when it is done. */
export const finishMove = async (
  main: Pool,
  { source, target }: Ends,
  left: Left,
  onStep: (step: MoveStep) => Promise<void> = async () => {},
): Promise<void> => {
  await tellMain(main, left);
  await onStep("told");
  const { byDatabase } = await readPlaces(main);
  if (byDatabase.get(left.to)?.includes(left.partition) === true) await openAt(target, left);
  await onStep("opened");
  const isBack = byDatabase.get(left.from)?.includes(left.partition) === true;
  if (isBack)
    throw new Error(`unreachable: partition ${left.partition} has left ${left.from} and lives there`);
  await removeCopy(source, left);
  await target.query("delete from arrived_runs where partition = $1", [left.partition]);
  await onStep("removed");
};

/** Moves that are not finished, as far as the databases can be asked now. Others are asked again later; the main one always can be. */
export const readUnfinished = async (databases: readonly AggregateDatabase[]): Promise<readonly Left[]> => {
  const found = databases.map((database) =>
    readLeft(database).catch((error: unknown): Left[] => {
      if (database.name === MAIN) throw error;
      return [];
    }),
  );
  return (await Promise.all(found)).flat();
};

/** A move that cannot be finished now, and why. */
type Unfinished = { readonly left: Left; readonly error: unknown };

export const unfinishedText = ({ left: { partition, from, to }, error }: Unfinished): string =>
  `the move of partition ${partition} from ${from} to ${to} cannot be finished now: ${errorText(error)}`;

type Finished = { readonly finished: readonly Left[]; readonly unfinished: readonly Unfinished[] };

/** Finishes what was interrupted, each move by itself, or that of one partition. Only as the mover. */
export const finishMoves = async (
  main: Pool,
  databases: readonly AggregateDatabase[],
  { partition, ...patience }: Patience & { readonly partition?: number } = {},
): Promise<Finished> => {
  const finished: Left[] = [];
  const unfinished: Unfinished[] = [];
  const lost = new Map<string, DatabaseLost>();
  for (const left of await readUnfinished(databases)) {
    if (partition !== undefined && left.partition !== partition) continue;
    const isLost = lost.get(left.from) ?? lost.get(left.to);
    try {
      // Each would wait for it anew.
      if (isLost !== undefined) throw isLost;
      const finish = async (ends: Ends): Promise<void> => {
        // Whoever held it before may have finished it.
        const still = await readLeftOf(ends.source, left);
        if (still === undefined) return;
        await finishMove(main, ends, still);
        finished.push(still);
      };
      await withPartitionHeld(databases, left, finish, patience);
    } catch (error) {
      if (error instanceof DatabaseLost) lost.set(error.database, error);
      unfinished.push({ left, error });
    }
  }
  return { finished, unfinished };
};
