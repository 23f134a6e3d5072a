// The rows of the outbox: claimed, and marked as delivered or to be tried again.
import { z } from "zod";
import type { Pool } from "../../db/pool.ts";

/** A row that was claimed this long ago, in ms, and is not finished may be claimed by another process. */
const LEASE_MS = 5_000;
export const CLAIM_LIMIT = 100;

const Claimed = z.object({
  id: z.number(),
  topic: z.string(),
  revision: z.number(),
  payload: z.unknown(),
  attempts: z.number(),
  /** The history of the database that the revision is of; null: of before histories had names. */
  lineage: z.string().nullable(),
  lineageBegunAtMs: z.number().nullable(),
});
export type Claimed = z.infer<typeof Claimed>;

/** SKIP LOCKED: claims of other processes are passed by, not waited for. */
export const claimDueMessages = async (pool: Pool, topics: readonly string[]): Promise<Claimed[]> => {
  const { rows } = await pool.query(
    `with due as (
       select id from outbox
       where done_at is null and topic = any($1::text[]) and next_attempt_at <= clock_timestamp()
       order by revision, id limit $2
       for update skip locked
     ), claimed as (
       update outbox o set attempts = o.attempts + 1,
         next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond'
       from due where o.id = due.id
       returning o.id, o.topic, o.revision, o.payload, o.attempts
     )
     select claimed.*, history.id as lineage, extract(epoch from history.begun_at)::double precision * 1000 as "lineageBegunAtMs"
     from claimed left join lateral (
       select id, begun_at from lineages where lineages.revision < claimed.revision
       order by lineages.revision desc, begun_at desc limit 1
     ) history on true
     order by claimed.revision, claimed.id`,
    [topics, CLAIM_LIMIT, LEASE_MS],
  );
  return rows.map((row) => Claimed.parse(row));
};

export const markDone = (pool: Pool, ids: readonly number[]) =>
  pool.query(
    "update outbox set done_at = clock_timestamp(), last_error = null where id = any($1::bigint[])",
    [ids],
  );

export const markFailed = (pool: Pool, failed: { id: number; pauseMs: number; error: string }) =>
  pool.query(
    `update outbox set last_error = $2, next_attempt_at = clock_timestamp() + $3 * interval '1 millisecond'
     where id = $1 and done_at is null`,
    [failed.id, failed.error, failed.pauseMs],
  );
