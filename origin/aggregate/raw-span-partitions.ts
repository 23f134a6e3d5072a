// The monthly partitions of otel_spans, made ahead and dropped after their time.
import { inTransaction, type Pool } from "../db/pool.ts";

/** Makes the partitions of the last, the current and the next month; drops those that ended more than `keepDays` ago. */
export const keepRawSpanPartitions = async (pool: Pool, keepDays: number): Promise<void> => {
  await inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtext('otel_spans partitions'))");
    await client.query("set local timezone = 'UTC'");
    const { rows } = await client.query<{ name: string; begins: string; ends: string; kept: boolean }>(
      `select 'otel_spans_' || to_char(month, 'YYYYMM') as name, month::text as begins,
         (month + interval '1 month')::text as ends,
         month + interval '1 month' > now() - make_interval(days => $1) as kept
       from generate_series(-1, 1) n, lateral (select date_trunc('month', now()) + n * interval '1 month' as month) m`,
      [keepDays],
    );
    for (const { name, begins, ends, kept } of rows) {
      if (!kept) continue;
      await client.query(
        `create table if not exists ${client.escapeIdentifier(name)} partition of otel_spans
         for values from (${client.escapeLiteral(begins)}) to (${client.escapeLiteral(ends)})`,
      );
    }
    const { rows: old } = await client.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'otel_spans'::regclass
         and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' < now() - make_interval(days => $1)`,
      [keepDays],
    );
    await client.query("set local lock_timeout = '2s'");
    for (const { name } of old) await client.query(`drop table ${client.escapeIdentifier(name)}`);
  });
};
