// The sign that some process appends to the log. Without it, an outage of ingest would look like a time without visitors.
// Ingest records it; the watermark of the evaluation reads it.
import type { Queryable } from "../db/pool.ts";

export const HEARTBEAT_EVERY_MS = 2_000;
/** Ingest was down when the last heartbeat is older than this many seconds. */
export const OUTAGE_AFTER_SECONDS = 15;
/**
 * For this many seconds after an outage its telemetry may still arrive: exporters try again within a minute, and so does
 * the edge's queue.
 */
export const OUTAGE_LATENESS_SECONDS = 90;

/**
 * Resolves to the seconds for which no process took telemetry, 0 when one did. Two outages count as one when the second
 * begins before the telemetry of the first has had its time to arrive. One statement under a row lock: several processes
 * record heartbeats at once, and one of them reports the outage. The database's clock decides, since theirs differ.
 */
export const recordHeartbeat = async (db: Queryable): Promise<number> => {
  const { rows } = await db.query<{ outage: number }>({
    name: "record-heartbeat",
    text: `
      with beat as (
        select seen_at, clock_timestamp() as now,
          coalesce(clock_timestamp() - seen_at > make_interval(secs => $1), false) as was_down
        from ingest_presence for update
      )
      update ingest_presence p
      set seen_at = beat.now,
        away_from = case
          when not was_down or p.away_until > beat.seen_at - make_interval(secs => $2) then p.away_from
          else beat.seen_at end,
        away_until = case when was_down then beat.now else p.away_until end
      from beat
      returning case when was_down then extract(epoch from beat.now - beat.seen_at)::float8 else 0 end as outage`,
    values: [OUTAGE_AFTER_SECONDS, OUTAGE_LATENESS_SECONDS],
  });
  return rows[0]?.outage ?? 0;
};
