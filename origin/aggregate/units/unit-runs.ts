// Units as stored: unit_evidence gets a row for each change, in runs of some hundred thousand. A run needs no index while
// all of its units are in memory; it gets one, made in one go, when it is full and there is time, or before memory
// forgets. That costs a third of keeping indexes up to date row by row, and the same at a hundred million units.
//
// A run belongs to one partition, and so to whoever owns that: runs found at a takeover have no other writer.
import { CopyBuffer, copyFrom, copyInto } from "../../db/copy.ts";
import type { Client } from "../../db/pool.ts";
import { partitionOf } from "../../span-log/block.ts";
import { NO_COHORT, type Unit } from "./unit.ts";
import { makeUnitFilter, readUnitFilter, type UnitFilter } from "./unit-filter.ts";

const COLUMNS =
  "unit_key, feature_id, epoch, unit_id, cohort, first_exposed_at, first_action_at, returned_at";

type Run = {
  readonly run: number;
  rows: number;
  /** undefined while there is no index: all units of the run are in memory */
  filter: UnitFilter | undefined;
  /** Whether the filter is stored: it takes no more rows. */
  settled: boolean;
};
type Runs = { readonly full: Run[]; newest: Run | undefined };

/** The table of a run. */
const tableOf = ({ run }: { readonly run: number }): string => `unit_evidence_${run}`;

/** A unit's key as PostgreSQL's signed bigint. */
const keyText = (low: number, high: number): string => ((BigInt(high | 0) << 32n) | BigInt(low)).toString();

const createRun = async (client: Client, partition: number): Promise<Run> => {
  const { rows } = await client.query<{ run: number }>(
    "insert into unit_runs (partition) values ($1) returning run",
    [partition],
  );
  const run = rows[0]?.run;
  if (run === undefined) throw new Error("a run got no number");
  // Attached, not made as a partition: that would wait for whoever reads the views, and make everybody else wait.
  await client.query(`create table ${tableOf({ run })} (like unit_evidence)`);
  await client.query(`alter table ${tableOf({ run })} alter column run set default ${run}`);
  await client.query(`alter table unit_evidence attach partition ${tableOf({ run })} for values in (${run})`);
  return { run, rows: 0, filter: undefined, settled: false };
};

/** Makes the index, if there is none, and the filter, for `fullRows` at least. */
const indexRun = async (client: Client, run: Run, fullRows: number): Promise<void> => {
  await client.query(`create index if not exists ${tableOf(run)}_key on ${tableOf(run)} (unit_key)`);
  await copyFrom(
    client,
    `select coalesce(string_agg(int8send(unit_key), ''), '') from ${tableOf(run)}`,
    (row) => {
      const keys = row.bytes();
      run.rows = keys.length / 8;
      run.filter = makeUnitFilter(Math.max(fullRows, run.rows));
      for (let at = 0; at < keys.length; at += 8)
        run.filter.add(keys.readUInt32BE(at + 4), keys.readUInt32BE(at));
    },
  );
};

/** A run that takes no more rows is from now on found without memory, also by the next owner. */
const settleRun = async (client: Client, run: Run, fullRows: number): Promise<void> => {
  if (run.filter === undefined) await indexRun(client, run, fullRows);
  await client.query("update unit_runs set filter = $2 where run = $1", [run.run, run.filter?.stored()]);
  run.settled = true;
};

const readRuns = async (client: Client, partition: number, fullRows: number): Promise<Runs> => {
  const runs: Runs = { full: [], newest: undefined };
  const open: Run[] = [];
  await copyFrom(
    client,
    `select run, filter from unit_runs where partition = ${partition} order by run`,
    (row) => {
      const run = row.int4();
      if (row.isNull()) open.push({ run, rows: 0, filter: undefined, settled: false });
      else runs.full.push({ run, rows: fullRows, filter: readUnitFilter(row.bytes()), settled: true });
    },
  );
  for (const run of open) {
    await indexRun(client, run, fullRows);
    if (run.rows < fullRows && run === open.at(-1)) runs.newest = run;
    else {
      await settleRun(client, run, fullRows);
      runs.full.push(run);
    }
  }
  return runs;
};

/** Units asked for, by the halves of their keys. */
export type UnitKeys = { readonly count: number; readonly low: Uint32Array; readonly high: Uint32Array };

const readRun = async (
  client: Client,
  run: Run,
  { low, high }: UnitKeys,
  asked: readonly number[],
  visit: (asked: number, unit: Unit) => void,
): Promise<void> => {
  const keys = asked.map((at) => keyText(low[at] ?? 0, high[at] ?? 0)).join(",");
  const unit: Unit = { cohort: NO_COHORT, exposedMs: Infinity, activatedMs: Infinity, returnedMs: Infinity };
  await copyFrom(
    client,
    `select k.position::integer, u.cohort, u.first_exposed_at, u.first_action_at, u.returned_at
     from unnest('{${keys}}'::bigint[]) with ordinality as k(key, position)
     join ${tableOf(run)} u on u.unit_key = k.key`,
    (row) => {
      const position = row.int4() - 1;
      unit.cohort = row.int2();
      unit.exposedMs = row.timestamp();
      unit.activatedMs = row.isNull() ? Infinity : row.timestamp();
      unit.returnedMs = row.isNull() ? Infinity : row.timestamp();
      visit(asked[position] ?? -1, unit);
    },
  );
};

/** `fullRows`: a run with as many rows takes no more. */
export const makeUnitRuns = (fullRows: number) => {
  const byPartition = new Map<number, Runs>();
  const waiting: (CopyBuffer | undefined)[] = [];

  const runsOf = (partition: number): Runs => {
    const runs = byPartition.get(partition);
    if (runs === undefined) throw new Error(`the runs of partition ${partition} are not open`);
    return runs;
  };

  return {
    /** When partitions were taken or given back: the runs of those that are owned, as they are stored. */
    open: async (client: Client, owned: Iterable<number>): Promise<void> => {
      byPartition.clear();
      waiting.length = 0;
      // Indexes are made by one core: the others have spans to acknowledge.
      await client.query("set max_parallel_maintenance_workers = 0");
      for (const partition of owned) byPartition.set(partition, await readRuns(client, partition, fullRows));
    },

    /**
     * Hands out what is stored of units that are not in memory, row by row: those of one unit are to be merged. `asked`
     * is the position among those asked for.
     */
    read: async (
      client: Client,
      units: UnitKeys,
      visit: (asked: number, unit: Unit) => void,
    ): Promise<void> => {
      const found = new Map<Run, number[]>();
      for (let at = 0; at < units.count; at++) {
        const [low, high] = [units.low[at] ?? 0, units.high[at] ?? 0];
        const { full, newest } = runsOf(partitionOf(low));
        const look = (run: Run): void => {
          if (run.filter?.mayHold(low, high) !== true) return;
          const asked = found.get(run);
          if (asked === undefined) found.set(run, [at]);
          else asked.push(at);
        };
        for (const run of full) look(run);
        if (newest !== undefined) look(newest);
      }
      for (const [run, asked] of found) await readRun(client, run, units, asked, visit);
    },

    /** Adds a row to what the next `write` stores: a unit by the halves of its key, and where its id stands. */
    add: (
      low: number,
      high: number,
      unit: Unit,
      feature: { readonly idBytes: Buffer; readonly epoch: number },
      id: { readonly bytes: Buffer; readonly start: number; readonly end: number },
    ): void => {
      const partition = partitionOf(low);
      const copy = (waiting[partition] ??= new CopyBuffer());
      copy.row(8);
      copy.int8(low, high);
      copy.bytes(feature.idBytes, 0, feature.idBytes.length);
      copy.int4(feature.epoch);
      copy.bytes(id.bytes, id.start, id.end);
      copy.int2(unit.cohort);
      copy.timestamp(unit.exposedMs);
      copy.timestamp(unit.activatedMs);
      copy.timestamp(unit.returnedMs);
      runsOf(partition).newest?.filter?.add(low, high);
    },

    /** In the batch's transaction. Whatever fails, runs must be opened anew. */
    write: async (client: Client): Promise<void> => {
      for (const [partition, copy] of waiting.entries()) {
        if (copy === undefined || copy.rows === 0) continue;
        const runs = runsOf(partition);
        runs.newest ??= await createRun(client, partition);
        await copyInto(client, `${tableOf(runs.newest)} (${COLUMNS})`, copy.finish());
        runs.newest.rows += copy.rows;
        copy.clear();
      }
    },

    /** After a commit: a run that is full takes no more rows. */
    closeFull: (): void => {
      for (const runs of byPartition.values()) {
        const { newest } = runs;
        if (newest === undefined || newest.rows < fullRows) continue;
        runs.full.push(newest);
        runs.newest = undefined;
      }
    },

    /** Before memory forgets units: from now on all are found in runs. */
    indexAll: async (client: Client): Promise<void> => {
      for (const { full, newest } of byPartition.values())
        for (const run of newest === undefined ? full : [...full, newest])
          if (run.filter === undefined) await indexRun(client, run, fullRows);
    },

    /** Between batches: settles one full run. Whether there was one to settle. */
    settleOne: async (client: Client): Promise<boolean> => {
      for (const { full } of byPartition.values()) {
        const run = full.find(({ settled }) => !settled);
        if (run === undefined) continue;
        await settleRun(client, run, fullRows);
        return true;
      }
      return false;
    },
  };
};
export type UnitRuns = ReturnType<typeof makeUnitRuns>;
