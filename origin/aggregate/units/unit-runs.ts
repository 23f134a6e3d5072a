// Units as stored: unit_evidence gets a row for each change, in runs of some hundred thousand. A run needs no index while
// all of its units are in memory; it gets one, made in one go, when it is full and there is time, or before memory
// forgets. That costs a third of keeping indexes up to date row by row, and the same at a hundred million units.
//
// A run belongs to one partition, and so to the process that owns it: runs found at a takeover have no other writer.
import { copyInto } from "../../db/copy.ts";
import { CopyBuffer } from "../../db/copy-format.ts";
import type { Client } from "../../db/pool.ts";
import { countByPartition, partitionOf } from "../../../shared/telemetry/partition-numbers.ts";
import {
  createRun,
  finishRun,
  indexRun,
  makeIndex,
  readRunList,
  readRunRows,
  tableOf,
  type UnitKeys,
  type UnitRun,
} from "./unit-run.ts";
import type { Unit } from "./unit.ts";

const TRY_AGAIN_MS = 10_000;
const COLUMNS =
  "unit_key, feature_id, epoch, unit_id, cohort, first_exposed_at, first_action_at, returned_at";

/**
 * Rows are added to the newest run, until it is full and there is a next one. That one is made ahead of time: attaching it
 * to the other runs may have to wait for a lock, and a batch must not.
 */
type PartitionRuns = { readonly full: UnitRun[]; newest: UnitRun; next: UnitRun | undefined };

/** The runs of a partition that was taken over: finished ones, one that may still take rows, and those made ahead of it. */
const readPartitionRuns = async (
  client: Client,
  partition: number,
  fullRows: number,
): Promise<PartitionRuns> => {
  const stored = await readRunList(client, partition, fullRows);
  const full = stored.filter(({ finished }) => finished);
  const unfinished = stored.filter(({ finished }) => !finished);
  for (const run of unfinished) await indexRun(client, run, fullRows);
  const open = unfinished.filter(({ rows }) => rows < fullRows);
  // While a lock is in the way of a new run, the last one takes more rows than it should.
  const newest = open[0] ?? (await createRun(client, partition)) ?? unfinished.at(-1);
  if (newest === undefined)
    throw new Error("a lock on unit_evidence is in the way of the first run of units; see pg_locks");
  const next = open[1];
  for (const run of unfinished) {
    // Also runs that an earlier version closed before they were full.
    if (run === newest || run === next) continue;
    await finishRun(client, run, fullRows);
    full.push(run);
  }
  return { full, newest, next };
};

/** `fullRows`: a run with as many rows takes no more. */
export const makeUnitRuns = (fullRows: number) => {
  const byPartition = new Map<number, PartitionRuns>();
  /** how many partitions there are */
  let count = 0;
  /** runs that get an index or a successor are tried again at this time, when a lock was in the way */
  let tryAgainAt = 0;
  const mayTry = (): boolean => performance.now() >= tryAgainAt;
  const tryLater = (): void => {
    tryAgainAt = performance.now() + TRY_AGAIN_MS;
  };
  /** rows to write, by partition */
  const added = new Map<number, CopyBuffer>();

  const runsOf = (partition: number): PartitionRuns => {
    const runs = byPartition.get(partition);
    if (runs === undefined) throw new Error(`the runs of partition ${partition} are not open`);
    return runs;
  };

  return {
    /** The runs of the partitions that are owned from now on, as they are stored. */
    open: async (client: Client, owned: Iterable<number>): Promise<void> => {
      byPartition.clear();
      added.clear();
      // Indexes are made by one core: the others have spans to acknowledge.
      await client.query("set max_parallel_maintenance_workers = 0");
      for (const partition of owned) {
        count = countByPartition(partition);
        byPartition.set(partition, await readPartitionRuns(client, partition, fullRows));
      }
    },

    /**
     * Visits the stored rows of units that are not in memory; the rows of one unit are to be merged. `index`: the unit's
     * among the keys.
     */
    read: async (
      client: Client,
      keys: UnitKeys,
      visit: (index: number, unit: Unit) => void,
    ): Promise<void> => {
      const indexesByRun = new Map<UnitRun, number[]>();
      for (let at = 0; at < keys.count; at++) {
        const [low, high] = [keys.low[at] ?? 0, keys.high[at] ?? 0];
        const { full, newest } = runsOf(partitionOf(low, count));
        const look = (run: UnitRun): void => {
          if (run.filter?.mayHold(low, high) !== true) return;
          const indexes = indexesByRun.get(run);
          if (indexes === undefined) indexesByRun.set(run, [at]);
          else indexes.push(at);
        };
        for (const run of full) look(run);
        look(newest);
      }
      for (const [run, indexes] of indexesByRun) await readRunRows(client, run, keys, indexes, visit);
    },

    /** Adds a row for the next `write`: a unit by the halves of its key, and where its id stands. */
    add: (
      low: number,
      high: number,
      unit: Unit,
      feature: { readonly idBytes: Buffer; readonly epoch: number },
      id: { readonly bytes: Buffer; readonly start: number; readonly end: number },
    ): void => {
      const partition = partitionOf(low, count);
      let copy = added.get(partition);
      if (copy === undefined) added.set(partition, (copy = new CopyBuffer()));
      copy.row(8);
      copy.int8(low, high);
      copy.bytes(feature.idBytes, 0, feature.idBytes.length);
      copy.int4(feature.epoch);
      copy.bytes(id.bytes, id.start, id.end);
      copy.int2(unit.cohort);
      copy.timestamp(unit.exposedMs);
      copy.timestamp(unit.activatedMs);
      copy.timestamp(unit.returnedMs);
      runsOf(partition).newest.filter?.add(low, high);
    },

    /** In the batch's transaction. When anything fails, the runs must be opened again. */
    write: async (client: Client): Promise<void> => {
      for (const [partition, copy] of added) {
        if (copy.rows === 0) continue;
        const { newest } = runsOf(partition);
        await copyInto(client, `${tableOf(newest)} (${COLUMNS})`, copy.finish());
        newest.rows += copy.rows;
        copy.clear();
      }
    },

    /** After a commit: a run that is full takes no more rows, if there is another. */
    closeFull: (): void => {
      for (const runs of byPartition.values()) {
        const { newest, next } = runs;
        if (newest.rows < fullRows || next === undefined) continue;
        runs.full.push(newest);
        runs.newest = next;
        runs.next = undefined;
      }
    },

    /** Between batches: makes the next run for one whose half is full, and an index that a lock was in the way of. */
    prepare: async (client: Client): Promise<void> => {
      if (!mayTry()) return;
      for (const [partition, runs] of byPartition) {
        const { newest } = runs;
        if (runs.next === undefined && newest.rows >= fullRows / 2) {
          runs.next = await createRun(client, partition);
          if (runs.next === undefined) tryLater();
        }
        if (newest.filter !== undefined && !newest.indexed && !(await makeIndex(client, newest))) tryLater();
      }
    },

    /** Before memory forgets units: from now on all are found in runs. */
    indexAll: async (client: Client): Promise<void> => {
      for (const { full, newest } of byPartition.values())
        for (const run of [...full, newest])
          if (run.filter === undefined) await indexRun(client, run, fullRows);
    },

    /** Between batches: finishes one full run. Whether there was one that could be finished. */
    finishOne: async (client: Client): Promise<boolean> => {
      if (!mayTry()) return false;
      for (const { full } of byPartition.values()) {
        const run = full.find(({ finished }) => !finished);
        if (run === undefined) continue;
        await finishRun(client, run, fullRows);
        if (!run.finished) tryLater();
        return run.finished;
      }
      return false;
    },
  };
};
export type UnitRuns = ReturnType<typeof makeUnitRuns>;
