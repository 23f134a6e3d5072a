// Records what each edge has confirmed: for operators, for the receipt of a rollback, and to know when one is complete.
import { z } from "zod";
import type { Pool } from "../../db/pool.ts";
import type { PushAnswer } from "./send-push.ts";

/**
 * Adds the configured edges, so that one that never answers is noticed, and removes those that are no longer configured.
 * Returns the edges that have signed an answer.
 */
export const registerEdges = async (pool: Pool, urls: readonly string[]): Promise<ReadonlySet<string>> => {
  await pool.query(
    `with gone as (delete from edge_targets where url <> all($1::text[]))
     insert into edge_targets (url) select unnest($1::text[]) on conflict do nothing`,
    [urls],
  );
  const { rows } = await pool.query<{ url: string }>("select url from edge_targets where signs_answers");
  return new Set(rows.map(({ url }) => url));
};

export const recordSignsAnswers = async (pool: Pool, edgeUrl: string): Promise<void> => {
  await pool.query("update edge_targets set signs_answers = true where url = $1", [edgeUrl]);
};

const Arrival = z.object({ seconds: z.number() });

/**
 * Records that an edge confirmed. Returns, in seconds by the database's clock, how long each rollback took from its
 * commit until this edge had it: one entry per rollback that the edge had not confirmed before.
 */
export const recordConfirmed = async (
  pool: Pool,
  edgeUrl: string,
  answer: Extract<PushAnswer, { kind: "confirmed" }>,
): Promise<number[]> => {
  const { rows } = await pool.query(
    `with before as (
       select revision from edge_targets where url = $1
     ), target as (
       insert into edge_targets as t (url, revision, regions, confirmed_at)
       values ($1, $2, $3::jsonb, clock_timestamp())
       on conflict (url) do update set
         revision = greatest(t.revision, excluded.revision), regions = excluded.regions,
         confirmed_at = excluded.confirmed_at, failing_since = null, attempts = 0, last_error = null
     ), confirmations as (
       insert into edge_receipts (edge_url, region, revision, ms)
       select $1, region, revision, ms
       from jsonb_to_recordset($3::jsonb) as given (region text, revision bigint, ms double precision)
       where revision > 0
       on conflict do nothing
     )
     select extract(epoch from clock_timestamp() - a.at)::double precision as seconds
     from rollback_audit a, before
     where a.action = 'rollback' and a.revision > before.revision and a.revision <= $2`,
    [edgeUrl, answer.revision, JSON.stringify(answer.regions)],
  );
  return rows.map((row) => Arrival.parse(row).seconds);
};

export const recordFailed = async (
  pool: Pool,
  edgeUrl: string,
  failure: { error: string; attempts: number },
): Promise<void> => {
  await pool.query(
    `insert into edge_targets as t (url, failing_since, attempts, last_error)
     values ($1, clock_timestamp(), $2, $3)
     on conflict (url) do update set
       failing_since = coalesce(t.failing_since, excluded.failing_since),
       attempts = excluded.attempts, last_error = excluded.last_error`,
    [edgeUrl, failure.attempts, failure.error.slice(0, 500)],
  );
};
