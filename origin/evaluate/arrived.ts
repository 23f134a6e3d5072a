// How far telemetry has arrived. The fold's lag tells only of what was acknowledged; spans that are still on their way (an edge
// that cannot reach the origin, a collector that is down) are nobody's lag, and their users would be taken for failures once
// their time is up. So a bucket settles by the newest telemetry that is there, not by the clock: when nothing arrives, nothing
// matures.
import type { Queryable } from "../db/pool.ts";
import { AWAY_AFTER_SECONDS, CATCH_UP_SECONDS } from "../ingest/presence.ts";

/** One look a second is enough for buckets of a second and more. */
const KEEP_SECONDS = 1;

/**
 * How long silence holds time up, in seconds: longer than an edge's or an exporter's retries, and short against the windows
 * of a product, where so little that is still on its way cannot decide.
 */
const SILENCE_SECONDS = 15;

/** Unix seconds up to which telemetry is there, and the last time that nobody took any, while its spans may still come. */
export type Arrival = {
  readonly upTo: number;
  readonly away: { readonly from: number; readonly until: number } | null;
};

/**
 * Up to when telemetry has arrived for a trial that began at `since` (unix seconds). For one that began before an absence
 * time stands still at its beginning until it is caught up with.
 */
export const arrivedFor = ({ upTo, away }: Arrival, since: number): number =>
  away !== null && since < away.until ? Math.min(upTo, away.from) : upTo;

type Found = {
  /** Newest end of a bucket that holds anything, over all open features, in unix seconds; null before the first. */
  newest: number | null;
  seenAgo: number | null;
  awayFromAgo: number | null;
  awayUntilAgo: number | null;
};

const read = async (db: Queryable): Promise<Found | undefined> => {
  // Two probes of the primary keys for each feature: 3 ms for a thousand features.
  const { rows } = await db.query<Found>(
    `select (
       select max(greatest(
         (select l.bucket_s from latency_sketches l
          where l.feature_id = f.feature_id and l.epoch = f.epoch order by l.bucket_s desc limit 1),
         (select o.bucket_s from outcome_counts o
          where o.feature_id = f.feature_id and o.epoch = f.epoch order by o.bucket_s desc limit 1)
       ) + coalesce(w.bucket_s, 1))::float8
       from feature_flags f
       left join fold_windows w using (feature_id, epoch)
       where f.enabled) as newest,
       extract(epoch from clock_timestamp() - seen_at)::float8 as "seenAgo",
       extract(epoch from clock_timestamp() - away_from)::float8 as "awayFromAgo",
       extract(epoch from clock_timestamp() - away_until)::float8 as "awayUntilAgo"
     from ingest_presence`,
  );
  return rows[0];
};

const awayOf = (found: Found, now: number): Arrival["away"] => {
  const { seenAgo, awayFromAgo, awayUntilAgo } = found;
  if (seenAgo !== null && seenAgo > AWAY_AFTER_SECONDS) return { from: now - seenAgo, until: now };
  if (awayFromAgo === null || awayUntilAgo === null || awayUntilAgo > CATCH_UP_SECONDS) return null;
  return { from: now - awayFromAgo, until: now - awayUntilAgo };
};

/** Asked with now, answers up to when telemetry counts as arrived: at most now (clocks differ). */
export const makeArrived = (db: Queryable): ((now: number) => Promise<Arrival>) => {
  let last: { at: number; newest: number; away: Arrival["away"] } = {
    at: -Infinity,
    newest: -Infinity,
    away: null,
  };
  return async (now) => {
    if (Math.abs(now - last.at) >= KEEP_SECONDS) {
      const found = await read(db);
      last = {
        at: now,
        newest: found?.newest ?? -Infinity,
        away: found === undefined ? null : awayOf(found, now),
      };
    }
    return { upTo: Math.min(now, Math.max(last.newest, now - SILENCE_SECONDS)), away: last.away };
  };
};
