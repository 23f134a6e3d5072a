// Moves the units of a partition, run by run. A run that is full does not change any more: it is copied while the fold goes on, and
// once only, however often the move is interrupted.
import { copyInto, copyOut } from "../../db/copy.ts";
import { inClientTransaction, tryForLocks, type Client } from "../../db/pool.ts";
import { createRun, finishRun, tableOf, type UnitRun } from "../units/unit-run.ts";

const COLUMNS =
  "unit_key, feature_id, epoch, unit_id, cohort, first_exposed_at, first_action_at, returned_at";
const LOCK_WAIT_MS = 2_000;
const LOCK_TRIES = 30;

type SourceRun = { readonly run: number; readonly isFull: boolean };
type Arrived = { readonly fromRun: number; readonly run: number };

export const runsOf = async (client: Client, partition: number): Promise<SourceRun[]> => {
  const { rows } = await client.query<SourceRun>(
    `select run, filter is not null as "isFull" from unit_runs where partition = $1 order by run`,
    [partition],
  );
  return rows;
};

const readArrived = async (target: Client, partition: number, fromDatabase: string): Promise<Arrived[]> => {
  const { rows } = await target.query<Arrived>(
    `select from_run as "fromRun", run from arrived_runs where partition = $1 and from_database = $2`,
    [partition, fromDatabase],
  );
  return rows;
};

/** Drops runs of units. Somebody who reads the views holds it up. */
export const dropRuns = async (client: Client, runs: readonly number[]): Promise<void> => {
  for (const run of runs) {
    let isDropped = false;
    for (let tries = 0; !isDropped && tries < LOCK_TRIES; tries++)
      isDropped = await tryForLocks(client, LOCK_WAIT_MS, () =>
        client.query("select drop_unit_run($1)", [run]),
      );
    if (!isDropped)
      throw new Error(
        `the units in ${tableOf({ run })} could not be dropped: another session holds a lock on unit_evidence (see pg_locks); run the move again`,
      );
  }
};

const copyRun = async (
  source: Client,
  target: Client,
  { run: fromRun, isFull }: SourceRun,
  { partition, fromDatabase }: { readonly partition: number; readonly fromDatabase: string },
): Promise<void> => {
  let made: UnitRun | undefined;
  for (let tries = 0; made === undefined && tries < LOCK_TRIES; tries++)
    made = await createRun(target, partition);
  if (made === undefined)
    throw new Error("a lock on unit_evidence of the target is in the way (see pg_locks); run the move again");
  const run = made;
  const data = await copyOut(source, `select ${COLUMNS} from ${tableOf({ run: fromRun })}`);
  await inClientTransaction(target, async () => {
    await copyInto(target, `${tableOf(run)} (${COLUMNS})`, data);
    // Of one that is not full only the attempt knows that it has arrived.
    if (isFull)
      await target.query(
        "insert into arrived_runs (partition, from_database, from_run, run) values ($1, $2, $3, $4)",
        [partition, fromDatabase, fromRun, run.run],
      );
  });
  if (isFull) await finishRun(target, run, 0);
};

const countUnits = async (client: Client, run: number): Promise<number | undefined> => {
  const { rows } = await client.query<{ units: number }>(
    `select count(*)::float8 as units from ${tableOf({ run })}`,
  );
  return rows[0]?.units;
};

/**
 * Drops arrived runs from which the source has deleted units since, because they are old or their epoch has ended: they are copied
 * again. Nothing is added to a full run, so the number of its units says it.
 */
export const dropOutdatedRuns = async (
  source: Client,
  target: Client,
  of: { readonly partition: number; readonly fromDatabase: string },
): Promise<void> => {
  const there = new Set((await runsOf(source, of.partition)).map(({ run }) => run));
  const outdated: number[] = [];
  for (const { fromRun, run } of await readArrived(target, of.partition, of.fromDatabase))
    if (!there.has(fromRun) || (await countUnits(source, fromRun)) !== (await countUnits(target, run)))
      outdated.push(run);
  await dropRuns(target, outdated);
};

/** Copies full runs that have not arrived yet; drops what an interrupted attempt has left of others. */
export const copyFullRuns = async (
  source: Client,
  target: Client,
  of: { readonly partition: number; readonly fromDatabase: string },
): Promise<void> => {
  const arrived = await readArrived(target, of.partition, of.fromDatabase);
  const kept: ReadonlySet<number> = new Set(arrived.map(({ run }) => run));
  const found = await runsOf(target, of.partition);
  await dropRuns(
    target,
    found.filter(({ run }) => !kept.has(run)).map(({ run }) => run),
  );
  for (const run of await runsOf(source, of.partition))
    if (run.isFull && !arrived.some(({ fromRun }) => fromRun === run.run))
      await copyRun(source, target, run, of);
};

/** Copies the rest: nobody adds to the source's runs any more. */
export const copyOpenRuns = async (
  source: Client,
  target: Client,
  of: { readonly partition: number; readonly fromDatabase: string },
): Promise<void> => {
  for (const run of await runsOf(source, of.partition))
    if (!run.isFull) await copyRun(source, target, run, of);
};
