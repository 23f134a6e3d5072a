// Deletes what is kept of a unit, under its id and under its pseudonyms. Counts are sums in which nobody can be found: they stay,
// and so do the verdicts that they led to.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sqlState, UNDEFINED_TABLE } from "../db/errors.ts";
import { inTransaction, type Pool } from "../db/pool.ts";
import { bytesOf, viewOf } from "../span-log/bytes.ts";
import { pseudonymOf } from "../span-log/pseudonyms/pseudonym.ts";
import { lacksKey, type PseudonymKeys } from "../span-log/pseudonyms/pseudonym-keys.ts";
import { errorText } from "../runtime/error-text.ts";
import type { ColumnStore } from "./raw-spans/clickhouse.ts";
import { forgetSpooled, waitUntilSent } from "./raw-spans/forget-spooled.ts";
import { readFeatures, readRecords } from "../span-log/read-block.ts";
import { SpanLogUnreachable } from "../span-log/span-log.ts";
import { featureEpoch, hashUnit } from "../span-log/unit-key.ts";
import { keyText } from "./units/unit-run.ts";

/** How many rows and records there were of the unit. */
export type Forgotten = {
  /** of `unit_evidence`: exposures, activations, returns */
  readonly evidence: number;
  /** of `otel_spans`, and of the spool on its way to a ClickHouse */
  readonly rawSpans: number;
  /** of `waiting_units` */
  readonly waiting: number;
  /** records of the log and of what is set aside, which now name nobody */
  readonly logRecords: number;
  /** Whether every place was reached, and all that was taken before is folded and sent. If not, forget again. */
  readonly isComplete: boolean;
  /** Databases that could not be asked, with why; rows of the unit may be there. */
  readonly notReached: NotReached[];
  /** The names under which the unit was stored beside its id: for copies that nothing here reaches. */
  readonly pseudonyms: string[];
  /** Features and segments whose targeting names the id itself. A person has to change them. */
  readonly namedBy: string[];
};
type NotReached = { readonly place: string; readonly error: string };

/** Records of the log that were taken before are folded within so long, or the fold is behind. */
const FOLD_WAIT_MS = 15_000;
const LOOK_EVERY_MS = 200;

type BlockRow = { span_keys: Buffer; block: Buffer };

/** Overwrites the names in the block by others of the same length; returns how many. */
const blankOut = (row: BlockRow, names: ReadonlySet<string>): number => {
  const { block, span_keys: spanKeys } = row;
  let count = 0;
  readRecords(block, spanKeys, readFeatures(block).end, ({ unitStart, unitEnd }) => {
    const name = bytesOf(viewOf(block), unitStart, unitEnd).toString("utf8");
    if (!names.has(name)) return;
    const nobody = randomBytes(unitEnd - unitStart).toString("base64url");
    block.write(nobody.slice(0, unitEnd - unitStart), unitStart, "latin1");
    count++;
  });
  return count;
};

const holdsOneOf = (column: string): string =>
  `exists (select from unnest($1::text[]) name where position(convert_to(name, 'UTF8') in ${column}) > 0)`;

type Place = { partition: string; place: string };

/**
 * Of the row at one place. Locked, because somebody else may be forgetting another unit of it; null: that has moved it, or it is
 * folded and gone.
 */
const blankOutAt = (
  pool: Pool,
  { partition, place }: Place,
  names: ReadonlySet<string>,
): Promise<number | null> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<BlockRow>(
      `select span_keys, block from ${partition} where ctid = $1::tid for update`,
      [place],
    );
    const row = rows[0];
    if (row === undefined) return null;
    const found = blankOut(row, names);
    if (found > 0)
      await client.query(`update ${partition} set block = $2 where ctid = $1::tid`, [place, row.block]);
    return found;
  });

/**
 * Of a table with blocks. One block at a time: a short id stands in almost each of them by chance, and together they are more
 * than a process can hold.
 */
const blankOutBlocks = async (
  pool: Pool,
  table: "span_log" | "fold_set_aside",
  names: readonly string[],
): Promise<number> => {
  const known = new Set(names);
  let count = 0;
  for (let hasMoved = true; hasMoved;) {
    const { rows: places } = await pool.query<Place>(
      `select tableoid::regclass::text as partition, ctid::text as place from ${table}
       where ${holdsOneOf("block")}`,
      [names],
    );
    hasMoved = false;
    for (const place of places) {
      const found = await blankOutAt(pool, place, known).catch((error: unknown) => {
        // A partition that is folded is dropped.
        if (sqlState(error) === UNDEFINED_TABLE) return 0;
        throw error;
      });
      hasMoved ||= found === null;
      count += found ?? 0;
    }
  }
  return count;
};

/** false: what was taken before now is not folded in time, or nobody can tell. */
const waitForFold = async (unfoldedSeconds: () => Promise<number>): Promise<boolean> => {
  const began = performance.now();
  // The oldest that is not folded came later.
  try {
    while ((await unfoldedSeconds()) * 1_000 >= performance.now() - began) {
      if (performance.now() - began > FOLD_WAIT_MS) return false;
      await sleep(LOOK_EVERY_MS);
    }
    return true;
  } catch (error) {
    if (error instanceof SpanLogUnreachable) return false;
    throw error;
  }
};

/** Partition by partition, so that no statement reads all of a large table. */
const deleteFromPartitions = async (
  pool: Pool,
  { table, column }: { table: string; column: string },
  names: readonly string[],
): Promise<number> => {
  const { rows } = await pool.query<{ partition: string }>(
    `select inhrelid::regclass::text as partition from pg_inherits where inhparent = $1::regclass order by 1`,
    [table],
  );
  let count = 0;
  for (const { partition } of rows) {
    const { rowCount } = await pool.query(`delete from ${partition} where ${column} = any($1::text[])`, [
      names,
    ]);
    count += rowCount ?? 0;
  }
  return count;
};

/** They are kept by a hash of feature, epoch and name. */
const deleteWaiting = async (pool: Pool, names: readonly string[]): Promise<number> => {
  const { rows } = await pool.query<{ feature_id: string; epoch: number }>(
    "select distinct feature_id, epoch from waiting_units",
  );
  const key = { low: 0, high: 0 };
  const keys = rows.flatMap(({ feature_id: featureId, epoch }) =>
    names.map((name) => {
      const view = viewOf(Buffer.from(name));
      hashUnit(featureEpoch(featureId, epoch, null), { view, start: 0, end: view.byteLength }, key);
      return keyText(key.low >>> 0, key.high >>> 0);
    }),
  );
  const { rowCount } = await pool.query("delete from waiting_units where unit_key = any($1::bigint[])", [
    keys,
  ]);
  return rowCount ?? 0;
};

const namedBy = async (pool: Pool, unitId: string): Promise<string[]> => {
  const names =
    "jsonb_path_exists(condition, 'strict $.** ? (@ == $id)', jsonb_build_object('id', $1::text))";
  const { rows } = await pool.query<{ name: string }>(
    `select 'feature ' || feature_id as name from feature_flags
     where ${names.replace("condition", "coalesce(written_targeting, targeting)")}
     union all
     select 'segment ' || segment_id from segments where ${names}
     order by 1`,
    [unitId],
  );
  return rows.map(({ name }) => name);
};

/** A database that units may be in. `pool` throws when it was never reached. */
export type UnitPlace = { readonly name: string; readonly pool: () => Pool };

type Counts = { -readonly [K in "evidence" | "rawSpans" | "waiting" | "logRecords"]: number };

/** The pools of those that answer; the others are told with why. */
const reachPlaces = async (places: readonly UnitPlace[]) => {
  const reached: Pool[] = [];
  const notReached: NotReached[] = [];
  for (const { name, pool } of places)
    try {
      const one = pool();
      await one.query("select");
      reached.push(one);
    } catch (error) {
      notReached.push({ place: name, error: errorText(error) });
    }
  return { reached, notReached };
};

/**
 * Repeating it finds nothing more, and reaches what could not be reached before. Telemetry that comes afterwards makes the unit
 * known again, as a new one. `main` and `others`: without a limit of time for a statement. `unknownPlaces`: databases that have
 * partitions and are not configured here. `unfoldedSeconds`: since the oldest of the log that is not folded was taken, wherever
 * the log is. `columnStore`: null where none is configured. The audit gets a row that does not name the unit.
 */
export const makeForgetUnit =
  ({
    main,
    others,
    unknownPlaces,
    columnStore,
    pseudonyms,
    unfoldedSeconds,
  }: {
    main: Pool;
    others: readonly UnitPlace[];
    unknownPlaces: () => Promise<readonly string[]>;
    columnStore: Pick<ColumnStore, "deleteUnits"> | null;
    pseudonyms: Pick<PseudonymKeys, "known">;
    unfoldedSeconds: () => Promise<number>;
  }) =>
  async (unitId: string, by: { actor: string; reason: string }): Promise<Forgotten> => {
    const keys = await pseudonyms.known();
    const stored = keys.keys.map((key) => pseudonymOf(key, unitId));
    const names = [unitId, ...stored];
    const { reached, notReached } = await reachPlaces(others);
    for (const place of await unknownPlaces())
      notReached.push({
        place,
        error: "AGGREGATE_DATABASE_URLS does not name it, and partitions live there",
      });
    for (const kid of keys.lacking)
      notReached.push({ place: `pseudonyms of ${kid}`, error: lacksKey(kid).message });
    const counts: Counts = { evidence: 0, rawSpans: 0, waiting: 0, logRecords: 0 };
    // First the log: what it still holds the fold then counts as nobody's.
    counts.logRecords += await blankOutBlocks(main, "span_log", names);
    for (const pool of [main, ...reached])
      counts.logRecords += await blankOutBlocks(pool, "fold_set_aside", names);
    let isComplete = await waitForFold(unfoldedSeconds);
    for (const pool of [main, ...reached]) {
      counts.evidence += await deleteFromPartitions(
        pool,
        { table: "unit_evidence", column: "unit_id" },
        names,
      );
      counts.rawSpans += await deleteFromPartitions(pool, { table: "otel_spans", column: "user_id" }, names);
      counts.waiting += await deleteWaiting(pool, names);
      const spooled = await forgetSpooled(pool, names);
      counts.rawSpans += spooled.spans;
      isComplete = (await waitUntilSent(pool, spooled.sending)) && isComplete;
    }
    const problem = await columnStore?.deleteUnits(names);
    if (typeof problem === "string") notReached.push({ place: "ClickHouse", error: problem });
    isComplete &&= notReached.length === 0;
    await main.query("select audit_operator_change($1, 'forget', 'unit', $2, 1, $3)", [
      by.actor,
      by.reason,
      { ...counts, isComplete, notReached: notReached.map(({ place }) => place) },
    ]);
    return { ...counts, isComplete, notReached, pseudonyms: stored, namedBy: await namedBy(main, unitId) };
  };
