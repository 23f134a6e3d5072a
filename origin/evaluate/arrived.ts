// How far telemetry has arrived. The fold's lag tells only of what was acknowledged; spans that are still on their way (an edge
// that cannot reach the origin, a collector that is down) are nobody's lag, and their users would be taken for failures once
// their time is up. So a bucket settles by the newest telemetry that is there, not by the clock: when nothing arrives, nothing
// matures.
import type { Queryable } from "../db/pool.ts";

/** One look a second is enough for buckets of a second and more. */
const KEEP_SECONDS = 1;

/**
 * How long silence holds time up, in seconds: longer than an edge's or an exporter's retries, and short against the windows
 * of a product, where so little that is still on its way cannot decide.
 */
const SILENCE_SECONDS = 15;

/** Newest end of a bucket that holds anything, over all open features, in unix seconds; null before the first. */
const readNewest = async (db: Queryable): Promise<number | null> => {
  // Two probes of the primary keys for each feature: 3 ms for a thousand features.
  const { rows } = await db.query<{ newest: number | null }>(
    `select max(greatest(
       (select l.bucket_s from latency_sketches l
        where l.feature_id = f.feature_id and l.epoch = f.epoch order by l.bucket_s desc limit 1),
       (select o.bucket_s from outcome_counts o
        where o.feature_id = f.feature_id and o.epoch = f.epoch order by o.bucket_s desc limit 1)
     ) + coalesce(w.bucket_s, 1))::float8 as newest
     from feature_flags f
     left join fold_windows w using (feature_id, epoch)
     where f.enabled`,
  );
  return rows[0]?.newest ?? null;
};

/** Asked with now, answers up to when telemetry counts as arrived: at most now (clocks differ). */
export const makeArrived = (db: Queryable): ((now: number) => Promise<number>) => {
  let last = { at: -Infinity, newest: -Infinity };
  return async (now) => {
    if (Math.abs(now - last.at) >= KEEP_SECONDS)
      last = { at: now, newest: (await readNewest(db)) ?? -Infinity };
    return Math.min(now, Math.max(last.newest, now - SILENCE_SECONDS));
  };
};
