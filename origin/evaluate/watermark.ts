// The watermark: the time up to which telemetry has arrived. The fold's lag is about acknowledged telemetry alone; spans that are
// still on their way (an edge that cannot reach the origin, a collector that is down) are in nobody's lag, and their users would
// be taken for failures once their time is up. So a bucket matures by the newest telemetry that is there, not by the clock: when
// nothing arrives, nothing matures. And when one region is cut off while others go on, it waits for that one, for a quarter of an
// hour at most (span-log/regions.ts): its people would be failures, and not those of the others.
import type { Queryable } from "../db/pool.ts";
import { OUTAGE_AFTER_SECONDS, OUTAGE_LATENESS_SECONDS } from "../span-log/heartbeat.ts";
import { heldFromSql } from "../span-log/regions.ts";
import { countsOf, planOf, sketchesOf, type AggregatePart } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";

/** One read a second is enough for buckets of a second and more. */
const READ_EVERY_SECONDS = 1;

/**
 * How long silence holds the watermark back, in seconds: longer than an edge's or an exporter's retries, and short against the
 * windows of a product, where so little that is still on its way cannot decide.
 */
const SILENCE_SECONDS = 15;

export type Watermark = {
  /** Unix seconds */
  readonly upTo: number;
  /** The last time in which ingest was down, as long as its telemetry may still come. */
  readonly outage: { readonly from: number; readonly until: number } | null;
};

/**
 * The watermark of a trial that began at `since` (unix seconds). A trial that began before an outage waits at the outage's
 * beginning until the late telemetry has had its time.
 */
export const watermarkFor = ({ upTo, outage }: Watermark, since: number): number =>
  outage !== null && since < outage.until ? Math.min(upTo, outage.from) : upTo;

type Progress = {
  /** Higher when a feature has been opened or closed. */
  revision: number;
  seenAgo: number | null;
  awayFromAgo: number | null;
  awayUntilAgo: number | null;
  /** For so long the telemetry of some region has not been there for certain. */
  heldAgo: number | null;
};

const readProgress = async (db: Queryable): Promise<Progress | undefined> => {
  const { rows } = await db.query<Progress>({
    name: "read-progress-of-telemetry",
    text: `
     select h.revision,
       extract(epoch from clock_timestamp() - p.seen_at)::float8 as "seenAgo",
       extract(epoch from clock_timestamp() - p.away_from)::float8 as "awayFromAgo",
       extract(epoch from clock_timestamp() - p.away_until)::float8 as "awayUntilAgo",
       (select extract(epoch from clock_timestamp() - min(${heldFromSql("n.newest")}))::float8
        from telemetry_regions r, (select max(seen_at) as newest from telemetry_regions) n) as "heldAgo"
     from ingest_presence p, state_head h`,
  });
  return rows[0];
};

/** Another text when the fold has committed. */
const readFolded = async ({ db }: AggregatePart): Promise<string> => {
  const { rows } = await db.query<{ folded: string }>({
    name: "read-folded",
    text: `
     select concat_ws(' ', v.version, (select string_agg(concat_ws(':', partition, writer, seq), ' ' order by partition, writer)
                                       from fold_checkpoints)) as folded
     from fold_windows_version v`,
  });
  return rows[0]?.folded ?? "";
};

type OpenEpoch = { readonly feature_id: string; readonly epoch: number };

const readOpen = async (db: Queryable): Promise<OpenEpoch[]> => {
  const { rows } = await db.query<OpenEpoch>({
    name: "read-open-epochs",
    text: "select feature_id, epoch from feature_flags where enabled",
  });
  return rows;
};

/** Newest end of a bucket that holds anything, over these features, in unix seconds; null before the first. */
const readNewestBucketEnd = async (
  part: AggregatePart,
  open: readonly OpenEpoch[],
): Promise<number | null> => {
  // Two probes of large primary keys for each feature: 20 to 30 ms for a thousand features.
  const { rows } = await part.db.query<{ newest: number | null }>({
    name: planOf("read-newest-bucket", part),
    text: `
     select max(greatest(
         (select l.bucket_s from ${sketchesOf(part)} l
          where l.feature_id = f.feature_id and l.epoch = f.epoch order by l.bucket_s desc limit 1),
         (select o.bucket_s from ${countsOf(part)} o
          where o.feature_id = f.feature_id and o.epoch = f.epoch order by o.bucket_s desc limit 1)
       ) + coalesce(w.bucket_s, 1))::float8 as newest
     from unnest($1::text[], $2::integer[]) as f (feature_id, epoch)
     left join fold_windows w using (feature_id, epoch)`,
    values: [open.map(({ feature_id }) => feature_id), open.map(({ epoch }) => epoch)],
  });
  return rows[0]?.newest ?? null;
};

const outageOf = ({ seenAgo, awayFromAgo, awayUntilAgo }: Progress, now: number): Watermark["outage"] => {
  if (seenAgo !== null && seenAgo > OUTAGE_AFTER_SECONDS) return { from: now - seenAgo, until: now };
  if (awayFromAgo === null || awayUntilAgo === null || awayUntilAgo > OUTAGE_LATENESS_SECONDS) return null;
  return { from: now - awayFromAgo, until: now - awayUntilAgo };
};

/**
 * Answers with the watermark at `now` (unix seconds): at most `now`, since clocks differ. The newest bucket is looked for only
 * when it may have become another one and the answer depends on it: not while nothing is folded, and not before the end
 * of the one that is known.
 */
export const makeWatermark = (
  db: Queryable,
): ((now: number, parts: readonly AggregatePart[]) => Promise<Watermark>) => {
  let readAt = -Infinity;
  let outage: Watermark["outage"] = null;
  let heldFrom = Infinity;
  let known = { revision: -1, folded: "", newest: -Infinity };
  return async (now, parts) => {
    if (Math.abs(now - readAt) >= READ_EVERY_SECONDS) {
      // Read before the newest bucket: a commit in between causes one more look, and none is missed.
      const [progress, foldedOfParts] = await Promise.all([readProgress(db), eachPart(parts, readFolded)]);
      readAt = now;
      outage = progress === undefined ? null : outageOf(progress, now);
      heldFrom = progress?.heldAgo == null ? Infinity : now - progress.heldAgo;
      if (progress !== undefined) {
        const { revision } = progress;
        const folded = foldedOfParts.join(" ");
        if (revision !== known.revision || (known.newest < now && folded !== known.folded)) {
          const open = await readOpen(db);
          const newest = await eachPart(parts, (part) => readNewestBucketEnd(part, open));
          known = { revision, folded, newest: Math.max(...newest.map((end) => end ?? -Infinity)) };
        }
      }
    }
    return { upTo: Math.min(now, heldFrom, Math.max(known.newest, now - SILENCE_SECONDS)), outage };
  };
};
