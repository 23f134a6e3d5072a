// The monthly partitions of otel_spans, made ahead and dropped after their time.
import type { Pool } from "../../db/pool.ts";
import {
  asPartitionKeeper,
  attachPartitions,
  dropPartitions,
  type TimePartition,
} from "../../db/time-partitions.ts";

/** Makes the partitions of the last, the current and the next two months; returns their names. */
export const ensureRawSpanPartitions = (pool: Pool, keepDays: number): Promise<string[]> =>
  asPartitionKeeper(pool, "otel_spans", async (client) => {
    const { rows } = await client.query<TimePartition>(
      `select 'otel_spans_' || to_char(month, 'YYYYMM') as name, month::text as begins
       from unnest('{0,1,2,-1}'::integer[]) with ordinality as w(n, place),
         lateral (select date_trunc('month', now()) + n * interval '1 month' as month) m
       where month + interval '1 month' > now() - make_interval(days => $1)
       order by place`,
      [keepDays],
    );
    return attachPartitions(client, "otel_spans", rows);
  });

/** Drops the partitions that ended more than `keepDays` ago; returns their names. */
export const dropOldRawSpanPartitions = (pool: Pool, keepDays: number): Promise<string[]> =>
  asPartitionKeeper(pool, "otel_spans", async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'otel_spans'::regclass and not i.inhdetachpending
         and to_date(substring(c.relname::text from '^otel_spans_([0-9]{6})$'), 'YYYYMM') + interval '1 month' < now() - make_interval(days => $1)
       order by 1`,
      [keepDays],
    );
    return dropPartitions(
      client,
      "otel_spans",
      rows.map(({ name }) => name),
    );
  });
