// The rows of the spool: claimed as a batch, and removed, tried again or laid aside. A batch keeps its name and its rows for as
// long as it is tried, whichever process tries it.
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Pool, Queryable } from "../../db/pool.ts";

/** A batch that was claimed this long ago and is not finished may be claimed by another process. */
const LEASE_S = 120;
/** Rows of a batch: some 32 MB of lines at most, mostly far less. */
const BATCH_ROWS = 16;
/** Younger rows wait for others, so that the column store gets few and large batches. */
const GATHER_S = 1;
/** Of rows that the column store cannot read so many are kept, the newest. */
const DEAD_ROWS = 100;

const Row = z.object({
  id: z.number(),
  spans: z.number(),
  lines: z.instanceof(Buffer),
  attempts: z.number(),
});
export type Batch = {
  /** By this name the column store knows a batch that it has already. */
  readonly name: string;
  readonly rows: readonly z.infer<typeof Row>[];
  /** Attempts, this one included. */
  readonly attempts: number;
};

/** The oldest batch that is due, else a new one of rows that wait; null: nothing is due. */
export const claimBatch = async (pool: Pool): Promise<Batch | null> => {
  const { rows } = await pool.query(
    `with first as materialized (
       select id, batch from raw_span_spool
       where dead_at is null and due_at <= clock_timestamp()
         and (batch is not null or written_at < clock_timestamp() - $2 * interval '1 second')
       order by due_at, id limit 1 for update skip locked
     ), others as materialized (
       select id from raw_span_spool
       where batch is null and dead_at is null and due_at <= clock_timestamp()
         and exists (select from first where batch is null)
       order by id limit $3 for update skip locked
     ), due as (
       select s.id from raw_span_spool s, first f where s.batch = f.batch and s.dead_at is null
       union all select id from others
     )
     update raw_span_spool s set batch = coalesce(s.batch, $1), attempts = s.attempts + 1,
       due_at = clock_timestamp() + $4 * interval '1 second'
     from due where s.id = due.id and s.due_at <= clock_timestamp()
     returning s.id, s.batch, s.spans, s.lines, s.attempts`,
    [randomUUID(), GATHER_S, BATCH_ROWS, LEASE_S],
  );
  const [first] = rows;
  if (first === undefined) return null;
  const claimed = rows.map((row) => Row.parse(row)).toSorted((a, b) => a.id - b.id);
  const { batch } = z.object({ batch: z.string() }).parse(first);
  return { name: batch, rows: claimed, attempts: Math.max(...claimed.map(({ attempts }) => attempts)) };
};

const idsOf = ({ rows }: Batch): number[] => rows.map(({ id }) => id);

export const removeBatch = (pool: Pool, batch: Batch) =>
  pool.query("delete from raw_span_spool where id = any($1::bigint[])", [idsOf(batch)]);

export const tryBatchAgain = (
  pool: Pool,
  batch: Batch,
  { pauseMs, error }: { pauseMs: number; error: string },
) =>
  pool.query(
    `update raw_span_spool set last_error = $2, due_at = clock_timestamp() + $3 * interval '1 millisecond'
     where id = any($1::bigint[])`,
    [idsOf(batch), error, pauseMs],
  );

/** Each row becomes a batch of its own, so that the one that cannot be read does not hold up the others. */
export const splitBatch = (pool: Pool, batch: Batch, error: string) =>
  pool.query(
    `update raw_span_spool set batch = gen_random_uuid(), last_error = $2, due_at = clock_timestamp()
     where id = any($1::bigint[])`,
    [idsOf(batch), error],
  );

export const layAside = async (pool: Pool, batch: Batch, error: string): Promise<void> => {
  await pool.query(
    `with laid as (
       update raw_span_spool set dead_at = clock_timestamp(), last_error = $2 where id = any($1::bigint[])
     )
     delete from raw_span_spool where id in (
       select id from raw_span_spool where dead_at is not null order by dead_at desc, id desc offset $3)`,
    [idsOf(batch), error, DEAD_ROWS - 1],
  );
};

const Spool = z.object({
  waitingSpans: z.number(),
  waitingBytes: z.number(),
  ageSeconds: z.number(),
  deadSpans: z.number(),
  lastError: z.string().nullable(),
});
export type Spool = z.infer<typeof Spool>;

/** What waits and what was laid aside. `lastError`: of the oldest batch that was tried. */
export const readSpool = async (db: Queryable): Promise<Spool> => {
  const { rows } = await db.query(
    `select coalesce(sum(spans) filter (where dead_at is null), 0)::double precision as "waitingSpans",
            coalesce(sum(octet_length(lines)), 0)::double precision as "waitingBytes",
            greatest(0, coalesce(extract(epoch from clock_timestamp() - min(written_at) filter (where dead_at is null)), 0))::double precision as "ageSeconds",
            coalesce(sum(spans) filter (where dead_at is not null), 0)::double precision as "deadSpans",
            (select last_error from raw_span_spool where last_error is not null order by id limit 1) as "lastError"
     from raw_span_spool`,
  );
  return Spool.parse(rows[0]);
};
