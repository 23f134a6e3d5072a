// Records what each edge has confirmed: for operators, for the receipt of a rollback, and to know when one is complete.
import { z } from "zod";
import type { Pool } from "../../db/pool.ts";
import type { HistoryPoint } from "../../../shared/snapshot/push-message.ts";
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
 * commit until this edge had it: one entry per rollback that the edge had not confirmed before. A revision of another
 * history confirms nothing here, though its number may be in use: its head is not this database's.
 */
export const recordConfirmed = async (
  pool: Pool,
  edgeUrl: string,
  answer: Extract<PushAnswer, { kind: "confirmed" }>,
): Promise<number[]> => {
  const { rows } = await pool.query(
    `with own as (
       select from state_head where $4::text is null or head_at($2) = $4
     ), before as (
       select revision from edge_targets where url = $1
     ), target as (
       insert into edge_targets as t (url, revision, regions, confirmed_at, head, lineage)
       select $1, $2, $3::jsonb, clock_timestamp(), $4, $5 from own
       on conflict (url) do update set
         head = case when excluded.revision >= coalesce(t.revision, 0) then excluded.head else t.head end,
         lineage = case when excluded.revision >= coalesce(t.revision, 0) then excluded.lineage else t.lineage end,
         revision = greatest(t.revision, excluded.revision), regions = excluded.regions,
         confirmed_at = excluded.confirmed_at, failing_since = null, attempts = 0, last_error = null
     ), confirmations as (
       insert into edge_receipts (edge_url, region, revision, ms)
       select $1, region, revision, ms
       from own, jsonb_to_recordset($3::jsonb) as given (region text, revision bigint, ms double precision)
       where revision > 0
       on conflict do nothing
     )
     select extract(epoch from clock_timestamp() - a.at)::double precision as seconds
     from rollback_audit a, before, own
     where a.action = 'rollback' and a.revision > before.revision and a.revision <= $2`,
    [edgeUrl, answer.revision, JSON.stringify(answer.regions), answer.head ?? null, answer.lineage ?? null],
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

/** Keeps what an edge held and this database does not know, for whoever checks the audit. */
export const recordWitness = async (
  pool: Pool,
  edgeUrl: string,
  { lineage, revision, head }: HistoryPoint,
): Promise<void> => {
  await pool.query(
    `insert into edge_witnesses (url, lineage, revision, head) values ($1, $2, $3, $4) on conflict do nothing`,
    [edgeUrl, lineage, revision, head],
  );
};
