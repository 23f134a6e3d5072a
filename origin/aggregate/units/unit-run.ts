// One run of units: a table unit_evidence_<run>, found through its index on unit_key and a filter in memory.
import { copyFrom } from "../../db/copy.ts";
import { tryForLocks, type Client } from "../../db/pool.ts";
import { makeUnitFilter, readUnitFilter, type UnitFilter } from "./unit-filter.ts";
import { unknownUnit, type Unit } from "./unit.ts";

export type UnitRun = {
  readonly run: number;
  rows: number;
  /** undefined while all units of the run are in memory */
  filter: UnitFilter | undefined;
  /** Without an index the rows of a run are found by reading all of it. */
  indexed: boolean;
  /** Indexed, and the filter is stored: the run takes no more rows. */
  finished: boolean;
};

/** The table of a run. */
export const tableOf = ({ run }: { readonly run: number }): string => `unit_evidence_${run}`;

/** For a lock that somebody else holds on the units: ANALYZE, an index build, a forgotten transaction. */
const LOCK_WAIT_MS = 500;

/** undefined: a lock is in the way, and it is to be tried again. Not within a transaction. */
export const createRun = async (client: Client, partition: number): Promise<UnitRun | undefined> => {
  let made: UnitRun | undefined;
  const isMade = await tryForLocks(client, LOCK_WAIT_MS, async () => {
    const { rows } = await client.query<{ run: number }>("select make_unit_run($1::smallint) as run", [
      partition,
    ]);
    const run = rows[0]?.run;
    if (run === undefined) throw new Error("a run got no number");
    made = { run, rows: 0, filter: undefined, indexed: false, finished: false };
  });
  return isMade ? made : undefined;
};

/** Makes the index, if there is none and no lock is in the way; whether there is one now. */
export const makeIndex = async (client: Client, run: UnitRun): Promise<boolean> => {
  const { rowCount } = await client.query(
    "select from pg_index where indexrelid = to_regclass($1) and indisvalid",
    [`${tableOf(run)}_key`],
  );
  run.indexed =
    rowCount === 1 ||
    (await tryForLocks(client, LOCK_WAIT_MS, () => client.query("select index_unit_run($1)", [run.run])));
  return run.indexed;
};

/** Makes the index, if it can be made now, and the filter, for `fullRows` at least. */
export const indexRun = async (client: Client, run: UnitRun, fullRows: number): Promise<void> => {
  await makeIndex(client, run);
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

/**
 * Indexes a run that takes no more rows, and stores its filter: the next owner of the partition reads it. Where a lock is in
 * the way of the index, the run stays unfinished.
 */
export const finishRun = async (client: Client, run: UnitRun, fullRows: number): Promise<void> => {
  if (run.filter === undefined) await indexRun(client, run, fullRows);
  else if (!run.indexed) await makeIndex(client, run);
  if (!run.indexed) return;
  await client.query("update unit_runs set filter = $2 where run = $1", [run.run, run.filter?.stored()]);
  run.finished = true;
};

/** The runs of a partition as they are stored, in their order. `rows` of finished ones is `fullRows`. */
export const readRunList = async (
  client: Client,
  partition: number,
  fullRows: number,
): Promise<UnitRun[]> => {
  const runs: UnitRun[] = [];
  await copyFrom(
    client,
    `select run, filter from unit_runs where partition = ${partition} order by run`,
    (row) => {
      const run = row.int4();
      if (row.isNull()) runs.push({ run, rows: 0, filter: undefined, indexed: false, finished: false });
      else
        runs.push({
          run,
          rows: fullRows,
          filter: readUnitFilter(row.bytes()),
          indexed: true,
          finished: true,
        });
    },
  );
  return runs;
};

/** Keys of units, by their halves. */
export type UnitKeys = { readonly count: number; readonly low: Uint32Array; readonly high: Uint32Array };

/** A unit's key as PostgreSQL's signed bigint. */
export const keyText = (low: number, high: number): string =>
  ((BigInt(high | 0) << 32n) | BigInt(low)).toString();

/** Visits the rows of a run that are of units at these indexes of `keys`. */
export const readRunRows = async (
  client: Client,
  run: UnitRun,
  { low, high }: UnitKeys,
  indexes: readonly number[],
  visit: (index: number, unit: Unit) => void,
): Promise<void> => {
  const keys = indexes.map((at) => keyText(low[at] ?? 0, high[at] ?? 0)).join(",");
  const unit = unknownUnit();
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
      visit(indexes[position] ?? -1, unit);
    },
  );
};
