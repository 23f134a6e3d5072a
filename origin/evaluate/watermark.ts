// How far telemetry has arrived. The fold's lag tells only of what was acknowledged; spans that are still on their way (an edge
// that cannot reach the origin, a collector that is down) are nobody's lag, and their users would be taken for failures once
// their time is up. So a bucket settles by the newest telemetry that is there, not by the clock: when nothing arrives, nothing
// matures.
import type { Queryable } from "../db/pool.ts";
import { OUTAGE_AFTER_SECONDS, OUTAGE_LATENESS_SECONDS } from "../span-log/heartbeat.ts";

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

type Signs = {
  /** Higher when a feature has been opened or closed. */
  revision: number;
  /** Another word when something has been folded. */
  folded: string;
  seenAgo: number | null;
  awayFromAgo: number | null;
  awayUntilAgo: number | null;
};

const readSigns = async (db: Queryable): Promise<Signs | undefined> => {
  const { rows } = await db.query<Signs>({
    name: "read-signs-of-arrival",
    text: `
     select h.revision,
       concat_ws(' ', v.version, (select string_agg(concat_ws(':', partition, writer, seq), ' ' order by partition, writer)
                                  from fold_checkpoints)) as folded,
       extract(epoch from clock_timestamp() - p.seen_at)::float8 as "seenAgo",
       extract(epoch from clock_timestamp() - p.away_from)::float8 as "awayFromAgo",
       extract(epoch from clock_timestamp() - p.away_until)::float8 as "awayUntilAgo"
     from ingest_presence p, state_head h, fold_windows_version v`,
  });
  return rows[0];
};

/** Newest end of a bucket that holds anything, over all open features, in unix seconds; null before the first. */
const readNewest = async (db: Queryable): Promise<number | null> => {
  // Two probes of large primary keys for each feature: 20 to 30 ms for a thousand features.
  const { rows } = await db.query<{ newest: number | null }>({
    name: "read-newest-bucket",
    text: `
     select max(greatest(
         (select l.bucket_s from latency_sketches l
          where l.feature_id = f.feature_id and l.epoch = f.epoch order by l.bucket_s desc limit 1),
         (select o.bucket_s from outcome_counts o
          where o.feature_id = f.feature_id and o.epoch = f.epoch order by o.bucket_s desc limit 1)
       ) + coalesce(w.bucket_s, 1))::float8 as newest
     from feature_flags f
     left join fold_windows w using (feature_id, epoch)
     where f.enabled`,
  });
  return rows[0]?.newest ?? null;
};

const awayOf = ({ seenAgo, awayFromAgo, awayUntilAgo }: Signs, now: number): Arrival["away"] => {
  if (seenAgo !== null && seenAgo > OUTAGE_AFTER_SECONDS) return { from: now - seenAgo, until: now };
  if (awayFromAgo === null || awayUntilAgo === null || awayUntilAgo > OUTAGE_LATENESS_SECONDS) return null;
  return { from: now - awayFromAgo, until: now - awayUntilAgo };
};

/**
 * Asked with now, answers up to when telemetry counts as arrived: at most now (clocks differ). The newest bucket is looked for
 * only when it may have become another one and the answer depends on it: not while nothing is folded, and not before the end
 * of the one that is known.
 */
export const makeArrived = (db: Queryable): ((now: number) => Promise<Arrival>) => {
  let readAt = -Infinity;
  let away: Arrival["away"] = null;
  let known = { revision: -1, folded: "", newest: -Infinity };
  return async (now) => {
    if (Math.abs(now - readAt) >= KEEP_SECONDS) {
      // Read before the bucket: what comes in between is then looked for once more, not missed.
      const signs = await readSigns(db);
      readAt = now;
      away = signs === undefined ? null : awayOf(signs, now);
      if (signs !== undefined) {
        const { revision, folded } = signs;
        if (revision !== known.revision || (known.newest < now && folded !== known.folded))
          known = { revision, folded, newest: (await readNewest(db)) ?? -Infinity };
      }
    }
    return { upTo: Math.min(now, Math.max(known.newest, now - SILENCE_SECONDS)), away };
  };
};
