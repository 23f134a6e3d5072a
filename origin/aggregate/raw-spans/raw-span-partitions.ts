// The monthly partitions of otel_spans, made ahead and dropped after their time.
import type { Pool, Queryable } from "../../db/pool.ts";
import {
  asPartitionKeeper,
  attachPartitions,
  dropPartitions,
  leftPartitions,
  missingPartitions,
  type TimePartition,
} from "../../db/time-partitions.ts";

/** Makes the partitions of the last, the current and the next two months; returns their names. */
export const ensureRawSpanPartitions = async (pool: Pool, keepDays: number): Promise<string[]> => {
  const { rows } = await pool.query<TimePartition>(
    `select 'otel_spans_' || to_char(month, 'YYYYMM') as name, to_char(month, 'YYYY-MM-DD"T00:00Z"') as begins
     from unnest('{0,1,2,-1}'::integer[]) with ordinality as w(n, place),
       lateral (select date_trunc('month', now() at time zone 'UTC') + n * interval '1 month' as month) m
     where (month + interval '1 month') at time zone 'UTC' > now() - make_interval(days => $1)
     order by place`,
    [keepDays],
  );
  const missing = await missingPartitions(pool, "otel_spans", rows);
  if (missing.length === 0) return [];
  return asPartitionKeeper(pool, "otel_spans", (client) => attachPartitions(client, "otel_spans", missing));
};

const oldPartitions = async (db: Queryable, keepDays: number): Promise<string[]> => {
  const { rows } = await db.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'otel_spans'::regclass and not i.inhdetachpending
       and (to_date(substring(c.relname::text from '^otel_spans_([0-9]{6})$'), 'YYYYMM') + interval '1 month') at time zone 'UTC'
         < now() - make_interval(days => $1)
     order by 1`,
    [keepDays],
  );
  return rows.map(({ name }) => name);
};

/** Drops the partitions that ended more than `keepDays` ago; returns their names. */
export const dropOldRawSpanPartitions = async (pool: Pool, keepDays: number): Promise<string[]> => {
  const isOver =
    (await oldPartitions(pool, keepDays)).length > 0 || (await leftPartitions(pool, "otel_spans")).length > 0;
  if (!isOver) return [];
  return asPartitionKeeper(pool, "otel_spans", async (client) =>
    dropPartitions(client, "otel_spans", await oldPartitions(client, keepDays)),
  );
};
