// Partitions of the log by hour of arrival. The service makes them ahead, and drops them when they are folded and so old
// that a restart need not know their spans any more.
import { inTransaction, type Pool } from "../db/pool.ts";

/** Duplicates are found within this time. A restart reads the keys of as much log. */
export const DEDUPE_SECONDS = 600;
const KEEP_SECONDS = 900;

/** Makes the partitions of the current and the next two hours. Any number of processes may do so at once. */
export const ensureLogPartitions = async (pool: Pool): Promise<void> => {
  await inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtext('span_log partitions'))");
    await client.query(`
      do $$
      declare
        hour timestamptz;
      begin
        for hour in
          select date_trunc('hour', clock_timestamp(), 'UTC') + n * interval '1 hour' from generate_series(0, 2) n
        loop
          execute format(
            'create table if not exists %I partition of span_log for values from (%L) to (%L)',
            'span_log_' || to_char(hour at time zone 'UTC', 'YYYYMMDD_HH24'), hour, hour + interval '1 hour');
        end loop;
      end $$`);
  });
};

type LogPartition = { name: string; folded: boolean };

/**
 * Drops partitions that ended more than `KEEP_SECONDS` ago and hold nothing unfolded; returns their names. One that
 * holds unfolded records stays, however old: acknowledged telemetry is never dropped.
 */
export const dropFoldedLogPartitions = async (pool: Pool): Promise<string[]> =>
  inTransaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtext('span_log partitions'))");
    const { rows: ended } = await client.query<{ name: string }>(
      `select c.relname as name
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'span_log'::regclass
         and to_timestamp(right(c.relname, 11), 'YYYYMMDD_HH24') at time zone current_setting('TimeZone') at time zone 'UTC'
             + interval '1 hour' < clock_timestamp() - make_interval(secs => $1)`,
      [KEEP_SECONDS],
    );
    const dropped: string[] = [];
    for (const { name } of ended) {
      const { rows } = await client.query<LogPartition>(
        `select not exists (
           select from ${client.escapeIdentifier(name)} l
           left join fold_checkpoints c using (partition, writer)
           where l.seq > coalesce(c.seq, 0)) as folded`,
      );
      if (rows[0]?.folded !== true) continue;
      await client.query("set local lock_timeout = '2s'");
      await client.query(`drop table ${client.escapeIdentifier(name)}`);
      dropped.push(name);
    }
    // Checkpoints of writers that have left no rows behind are of no use any more.
    await client.query(
      `delete from fold_checkpoints c
       where c.writer < (select coalesce(min(writer), 0) from span_log)`,
    );
    return dropped;
  });
