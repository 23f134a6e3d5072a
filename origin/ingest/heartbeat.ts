// A sign of life of whoever takes telemetry, so that its absence is known as such and not taken for silence.
import type { Queryable } from "../db/pool.ts";

export const PRESENT_EVERY_MS = 2_000;
/** Without a sign for this long, in seconds, nobody took telemetry. */
export const AWAY_AFTER_SECONDS = 15;
/**
 * How long, in seconds, what waited meanwhile has to come in: clients try again within the minute, and so does the edge's
 * queue.
 */
export const CATCH_UP_SECONDS = 90;

/**
 * Resolves to the seconds for which nobody was here, 0 when somebody was. An absence before the last one is caught up with
 * counts as one with it.
 */
export const signPresence = async (db: Queryable): Promise<number> => {
  const { rows } = await db.query<{ away: number }>({
    name: "sign-presence",
    text: `
      with sign as (
        select seen_at, clock_timestamp() as now,
          coalesce(clock_timestamp() - seen_at > make_interval(secs => $1), false) as was_away
        from ingest_presence for update
      )
      update ingest_presence p
      set seen_at = sign.now,
        away_from = case
          when not was_away or p.away_until > sign.seen_at - make_interval(secs => $2) then p.away_from
          else sign.seen_at end,
        away_until = case when was_away then sign.now else p.away_until end
      from sign
      returning case when was_away then extract(epoch from sign.now - sign.seen_at)::float8 else 0 end as away`,
    values: [AWAY_AFTER_SECONDS, CATCH_UP_SECONDS],
  });
  return rows[0]?.away ?? 0;
};
