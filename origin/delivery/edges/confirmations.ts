// Records what each edge has confirmed: for operators, for the receipt of a rollback, and to know when one is complete.
import { z } from "zod";
import type { Pool } from "../../db/pool.ts";
import type { Close, HistoryPoint } from "../../../shared/snapshot/push-message.ts";
import type { Since } from "../../features/read-snapshot.ts";
import { Revision } from "../../../shared/ids.ts";
import type { PushAnswer } from "./send-push.ts";

/** What is known of an edge from earlier processes. */
export type KnownEdge = {
  readonly signsAnswers: boolean;
  /** null: it never confirmed anything, or was of an older version. */
  readonly confirmed: Since | null;
};

const KnownRow = z.object({
  url: z.string(),
  signsAnswers: z.boolean(),
  revision: Revision.nullable(),
  head: z.string().nullable(),
});

/**
 * Adds the configured edges, so that one that never answers is noticed, and removes those that are no longer configured.
 * Returns what is known of each.
 */
export const registerEdges = async (
  pool: Pool,
  urls: readonly string[],
): Promise<ReadonlyMap<string, KnownEdge>> => {
  await pool.query(
    `with gone as (delete from edge_targets where url <> all($1::text[]))
     insert into edge_targets (url) select unnest($1::text[]) on conflict do nothing`,
    [urls],
  );
  const { rows } = await pool.query(
    `select url, signs_answers as "signsAnswers", revision, head from edge_targets`,
  );
  return new Map(
    rows
      .map((row) => KnownRow.parse(row))
      .map(({ url, signsAnswers, revision, head }) => [
        url,
        { signsAnswers, confirmed: revision === null || head === null ? null : { revision, head } },
      ]),
  );
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

/** Records what an edge has closed ahead of the rest of its revision: the visitors there do not get it any more. */
export const recordCloses = async (pool: Pool, edgeUrl: string, closes: readonly Close[]): Promise<void> => {
  await pool.query(
    `insert into edge_closes as known (url, feature_id, epoch)
     select $1, "featureId", max(epoch) from jsonb_to_recordset($2::jsonb) as given ("featureId" text, epoch integer)
     where exists (select from edge_targets where url = $1)
     group by "featureId"
     on conflict (url, feature_id) do update set epoch = excluded.epoch, closed_at = clock_timestamp()
     where known.epoch < excluded.epoch`,
    [edgeUrl, JSON.stringify(closes)],
  );
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
