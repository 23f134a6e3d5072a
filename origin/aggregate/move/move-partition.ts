// Moves a partition to another database. Until it has left the first one nothing has changed for anybody, and an interrupted move may
// simply be begun again; from then on it lives in the other one, and finish-moves.ts says so everywhere.
//
// What is acknowledged meanwhile waits in the log: nobody folds the partition while the rest of it is copied.
import { setTimeout as sleep } from "node:timers/promises";
import { databaseOf, MAIN, readPlaces, type AggregateDatabase } from "../../db/aggregate-databases.ts";
import { withOwnConnection } from "../../db/own-connection.ts";
import { inClientTransaction, type Client, type Pool } from "../../db/pool.ts";
import { sameWindows } from "../outcome-windows.ts";
import { askForPartition, takePartition } from "../partition-ownership.ts";
import { addCountsOfUnits, addMissingWindows, readWindows } from "../sync-windows.ts";
import { errorText } from "../../runtime/error-text.ts";
import {
  asMover,
  finishMove,
  finishMoves,
  withPartitionHeld,
  type Ends,
  type MoveStep,
  type Patience,
} from "./finish-moves.ts";
import { copyFullRuns, copyOpenRuns, dropOutdatedRuns, dropRuns, runsOf } from "./move-units.ts";
import { COUNTS, copyPartitionRows, deletePartitionRows, partitionFacts } from "./partition-tables.ts";
import { splitCounts } from "./split-counts.ts";

/** A fold gives a partition back within two seconds, unless it stands still. */
const OWNER_WAIT_MS = 30_000;
/** Origins finish interrupted moves now and then, which takes as long when a database is silent. */
export const MOVER_WAIT_MS = 15_000;

export const ANOTHER_MOVE = "another move of a partition is at work; run this one afterwards";

export type Step = "split" | "full runs copied" | "owned" | "copied" | "left" | MoveStep;

/** Waits until its owner has given the partition back; the fence under which nobody but this session writes it. */
const takeOver = async (source: Client, partition: number, database: string): Promise<number> => {
  const deadline = Date.now() + OWNER_WAIT_MS;
  for (;;) {
    const fence = await takePartition(source, partition);
    if (fence !== null) return fence;
    const { rowCount } = await source.query("select from fold_partitions where partition = $1", [partition]);
    if (rowCount === 0)
      throw new Error(
        `partition ${partition} is not folded in the database ${database} yet: its move there is not finished, because the database that it left cannot be asked; run the move again when it can`,
      );
    if (Date.now() > deadline)
      throw new Error(
        `the process that folds partition ${partition} in the database ${database} does not give it back within ${OWNER_WAIT_MS / 1_000} s: see its log, and end it if it stands still`,
      );
    await sleep(200);
  }
};

/** By which windows the partition's counts are made in both databases; another rule may just be on its way. */
const countsThatDiffer = async (source: Client, target: Client) => {
  const [ofSource, ofTarget] = [await readWindows(source), await readWindows(target)];
  return [...ofTarget.byKey].flatMap(([key, windows]) => {
    const before = ofSource.byKey.get(key);
    if (before === undefined || sameWindows(before, windows)) return [];
    const at = key.indexOf(":");
    return [{ epoch: Number(key.slice(0, at)), featureId: key.slice(at + 1) }];
  });
};

/** What the two databases say of the partition must be the same, but for counts by another rule. */
const verify = async (
  source: Client,
  target: Client,
  partition: number,
  isRecounted: boolean,
): Promise<Readonly<Record<string, string>>> => {
  const runIds = async (client: Client): Promise<number[]> =>
    (await runsOf(client, partition)).map(({ run }) => run);
  const before = await partitionFacts(source, partition, await runIds(source));
  const after = await partitionFacts(target, partition, await runIds(target));
  for (const [table, facts] of Object.entries(before)) {
    if (isRecounted && table === COUNTS.name) continue;
    if (after[table] !== facts)
      throw new Error(
        `partition ${partition} did not arrive whole: ${table} has ${facts} in the first database and ${after[table]} in the other; nothing has changed, run the move again`,
      );
  }
  return after;
};

/** Copies all but the full runs, in one transaction of the target. Rules wait for it, folds of other partitions do not. */
const copyRest = async (
  source: Client,
  target: Client,
  of: { readonly partition: number; readonly fromDatabase: string },
): Promise<Readonly<Record<string, string>>> => {
  const { partition } = of;
  await copyFullRuns(source, target, of);
  await copyOpenRuns(source, target, of);
  await addMissingWindows(target, await readWindows(source));
  return inClientTransaction(target, async () => {
    await target.query("select version from fold_windows_version for share");
    await deletePartitionRows(target, partition);
    await target.query("delete from moved_partitions where partition = $1", [partition]);
    await copyPartitionRows(source, target, partition);
    const differing = await countsThatDiffer(source, target);
    for (const feature of differing) {
      await target.query(
        `delete from ${COUNTS.name} where partition = $1 and feature_id = $2 and epoch = $3`,
        [partition, feature.featureId, feature.epoch],
      );
      await addCountsOfUnits(target, feature, partition);
    }
    return verify(source, target, partition, differing.length > 0);
  });
};

/** From the commit on the partition lives in the other database. */
const leave = async (
  source: Client,
  { partition, to, fence }: { readonly partition: number; readonly to: string; readonly fence: number },
): Promise<void> => {
  await inClientTransaction(source, async () => {
    const { rowCount } = await source.query(
      "delete from fold_partitions where partition = $1 and fence = $2",
      [partition, fence],
    );
    if (rowCount !== 1)
      throw new Error(
        `another process has taken over partition ${partition} meanwhile; nothing has changed, run the move again`,
      );
    await source.query("insert into moved_partitions (partition, to_database, fence) values ($1, $2, $3)", [
      partition,
      to,
      fence,
    ]);
  });
};

type Move = { readonly partition: number; readonly to: string } & Patience;

export type Moved = {
  readonly partition: number;
  readonly from: string;
  readonly to: string;
  /** What has arrived, by table; null: it was there already */
  readonly facts: Readonly<Record<string, string>> | null;
  /** Databases, and why, in which a move that was given up may have left a copy. */
  readonly notAsked: readonly string[];
};

/** Removes what a move that was given up has brought to `to`; the partition stays in `from`. */
const dropAbandonedCopy = async (
  main: Pool,
  databases: readonly AggregateDatabase[],
  move: Move & { readonly from: string },
): Promise<void> => {
  const { partition, from } = move;
  const drop = async ({ target }: Ends): Promise<void> => {
    // Whoever held it before may have moved it.
    if ((await readPlaces(main)).byDatabase.get(from)?.includes(partition) !== true) return;
    await dropRuns(
      target,
      (await runsOf(target, partition)).map(({ run }) => run),
    );
    await inClientTransaction(target, () => deletePartitionRows(target, partition));
  };
  await withPartitionHeld(databases, move, drop, move);
};

const moveOne = async (
  main: Pool,
  databases: readonly AggregateDatabase[],
  { partition, to, ...patience }: Move,
  onStep: (step: Step) => Promise<void>,
): Promise<Moved> => {
  const { byDatabase } = await readPlaces(main);
  const from = [...byDatabase].find(([, partitions]) => partitions.includes(partition))?.[0];
  if (from === undefined) throw new Error(`there is no partition ${partition}`);
  if (from === to) {
    const notAsked: string[] = [];
    for (const { name } of databases.filter((one) => one.name !== to))
      await dropAbandonedCopy(main, databases, { partition, from, to: name, ...patience }).catch(
        (error: unknown) => notAsked.push(`${name}: ${errorText(error)}`),
      );
    return { partition, from, to, facts: null, notAsked };
  }
  const mainDatabase = databaseOf(databases, MAIN);
  if (from === MAIN && (await withOwnConnection(mainDatabase, splitCounts, patience))) await onStep("split");
  const of = { partition, fromDatabase: from };
  const moveHeld = async (ends: Ends): Promise<Moved> => {
    const { source, target } = ends;
    // Whoever held it before may have moved it.
    if ((await readPlaces(main)).byDatabase.get(from)?.includes(partition) !== true)
      throw new Error(`partition ${partition} has just been moved away from ${from}; run the move again`);
    await dropOutdatedRuns(source, target, of);
    await copyFullRuns(source, target, of);
    await onStep("full runs copied");
    if (!(await askForPartition(source, partition)))
      throw new Error(`another session is moving partition ${partition} already`);
    const fence = await takeOver(source, partition, from);
    await onStep("owned");
    const facts = await copyRest(source, target, of);
    await onStep("copied");
    await leave(source, { partition, to, fence });
    await onStep("left");
    await finishMove(main, ends, { partition, from, to, fence }, onStep);
    return { partition, from, to, facts, notAsked: [] };
  };
  return withPartitionHeld(databases, { partition, from, to }, moveHeld, patience);
};

/**
 * Resolves when the partition lives in the database `to`, and nothing of it is in the others. Rejects when it could not be moved:
 * then it is to be begun again. `onStep` hears of each step when it is done.
 */
export const movePartition = async (
  main: Pool,
  databases: readonly AggregateDatabase[],
  move: Move,
  onStep: (step: Step) => Promise<void> = async () => {},
): Promise<Moved> => {
  databaseOf(databases, move.to);
  const moved = await asMover(main, MOVER_WAIT_MS, async () => {
    const [before] = (await finishMoves(main, databases, move)).unfinished;
    if (before !== undefined) throw before.error;
    return moveOne(main, databases, move, onStep);
  });
  if (moved === null) throw new Error(ANOTHER_MOVE);
  return moved;
};
