// Partitions of the log by hour of arrival. The service makes them ahead, and drops them when they are folded and so old
// that a restart need not know their spans any more.
import type { Client, Pool, Queryable } from "../db/pool.ts";
import {
  asPartitionKeeper,
  attachPartitions,
  dropPartitions,
  leftPartitions,
  missingPartitions,
  type TimePartition,
} from "../db/time-partitions.ts";
import type { Checkpoint } from "./span-log.ts";

/** Duplicates are found within this time. A restart reads the keys of as much log. */
export const DEDUPE_SECONDS = 600;
export const KEEP_SECONDS = 900;
/** So long may a lock keep partitions from being attached before telemetry is refused. */
const HOURS_AHEAD = 48;

const hoursAhead = async (db: Queryable, hours: number): Promise<TimePartition[]> => {
  const { rows } = await db.query<TimePartition>(
    `select 'span_log_' || to_char(hour at time zone 'UTC', 'YYYYMMDD_HH24') as name, 
       to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24":00Z"') as begins
     from generate_series(0, $1) n,
       lateral (select date_trunc('hour', clock_timestamp(), 'UTC') + n * interval '1 hour' as hour) h`,
    [hours],
  );
  return rows;
};

/** Makes the partitions of this hour and the next `hours`, the nearest first. Any number of processes may do so at once. */
export const ensureLogPartitions = async (pool: Pool, hours = HOURS_AHEAD): Promise<string[]> => {
  const missing = await missingPartitions(pool, "span_log", await hoursAhead(pool, hours));
  if (missing.length === 0) return [];
  return asPartitionKeeper(pool, "span_log", (client) => attachPartitions(client, "span_log", missing));
};

/** Seconds from now on that the log's partitions cover without a gap; 0 when telemetry cannot be stored. */
export const logCoversSeconds = async (db: Queryable): Promise<number> => {
  const { rows } = await db.query<{ seconds: number }>({
    name: "log-covers-seconds",
    text: `
      with recursive hours as (
        select date_trunc('hour', clock_timestamp(), 'UTC') as hour
        union all
        select hour + interval '1 hour' from hours
        where exists (
          select from pg_inherits i join pg_class c on c.oid = i.inhrelid
          where i.inhparent = 'span_log'::regclass
            and c.relname = 'span_log_' || to_char(hour at time zone 'UTC', 'YYYYMMDD_HH24'))
      )
      select greatest(0, extract(epoch from max(hour) - clock_timestamp()))::float8 as seconds from hours`,
  });
  return rows[0]?.seconds ?? 0;
};

/**
 * Partitions that ended more than `KEEP_SECONDS` ago. The database may read the names of all tables before it knows which are
 * partitions: a name of another form is no time, and no error.
 */
const endedPartitions = async (db: Queryable): Promise<string[]> => {
  const { rows } = await db.query<{ name: string }>(
    `select c.relname as name
     from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'span_log'::regclass and not i.inhdetachpending
       and to_timestamp(substring(c.relname::text from '^span_log_([0-9]{8}_[0-9]{2})$'), 'YYYYMMDD_HH24') at time zone current_setting('TimeZone') at time zone 'UTC'
           + interval '1 hour' < clock_timestamp() - make_interval(secs => $1)
     order by 1`,
    [KEEP_SECONDS],
  );
  return rows.map(({ name }) => name);
};

const foldedPartitions = async (client: Client, checkpoints: readonly Checkpoint[]): Promise<string[]> => {
  const folded: string[] = [];
  for (const name of await endedPartitions(client)) {
    const { rows } = await client.query<{ folded: boolean }>(
      `select not exists (
         select from ${client.escapeIdentifier(name)} l
         left join unnest($1::smallint[], $2::integer[], $3::bigint[]) as c(partition, writer, seq)
           using (partition, writer)
         where l.seq > coalesce(c.seq, 0)) as folded`,
      [
        checkpoints.map(({ partition }) => partition),
        checkpoints.map(({ writer }) => writer),
        checkpoints.map(({ seq }) => seq),
      ],
    );
    if (rows[0]?.folded === true) folded.push(name);
  }
  return folded;
};

/**
 * Drops partitions that have ended and hold nothing beyond the checkpoints. One that holds unfolded records stays, however
 * old: acknowledged telemetry is never dropped. `endedWriters`: those of the checkpoints' writers that have left no rows behind. Streams
 * of JetStream's log are no such writers: without its checkpoint one would be folded again.
 */
export const dropFoldedLogPartitions = async (
  pool: Pool,
  checkpoints: readonly Checkpoint[],
): Promise<{ dropped: string[]; endedWriters: number[] }> => {
  const isOver =
    (await endedPartitions(pool)).length > 0 || (await leftPartitions(pool, "span_log")).length > 0;
  const dropped = isOver
    ? await asPartitionKeeper(pool, "span_log", async (client) =>
        dropPartitions(client, "span_log", await foldedPartitions(client, checkpoints)),
      )
    : [];
  const { rows } = await pool.query<{ writer: number }>(
    `select distinct c.writer from unnest($1::integer[]) as c(writer)
     where c.writer < (select coalesce(min(writer), 0) from span_log)
       and not exists (select from span_log_streams s where s.writer = c.writer)`,
    [checkpoints.map(({ writer }) => writer)],
  );
  return { dropped, endedWriters: rows.map(({ writer }) => writer) };
};
