// The regions that telemetry comes from (cloud.region). Ingest records when each was seen; the watermark of the evaluation waits for
// one that is cut off.
import type { Queryable } from "../db/pool.ts";

/** A region of a request's resource. `droppedSpans`: what its edge says it has lost since its batch before. */
export type SeenRegion = { readonly region: string; readonly droppedSpans: number };

/** Regions with a name of their own; further ones are not kept. A place has one, so there are some dozens. */
const MAX_REGIONS = 1_000;
/** A region that was not seen for this long is forgotten. */
const KEEP_DAYS = 30;

/**
 * A region sends steadily when it is seen with nearly every heartbeat. Only of such a one does silence say anything: one with a
 * visitor an hour is silent most of the time.
 */
const STEADY_GAP_S = 3;
/** No longer gap goes into the usual one: an hour's outage would hide a region's steadiness for a day. */
const LONGEST_GAP_S = 30;
/** Such a region is cut off when it was not seen for this long and others were. */
const SILENT_S = 6;
/** A gap above this was an outage, and spans of that time may come for LATENESS_S after it. */
const OUTAGE_S = 15;
const LATENESS_S = 90;
/** Nobody waits longer for a region that is cut off. */
const LONGEST_WAIT_S = 900;

/** Notes that these regions were seen now, and forgets those that no longer send. */
export const recordRegions = async (db: Queryable, seen: readonly SeenRegion[]): Promise<void> => {
  if (seen.length === 0) return;
  const sorted = seen.toSorted((one, other) => one.region.localeCompare(other.region));
  await db.query({
    name: "record-regions",
    text: `
      with gone as (
        delete from telemetry_regions
        where seen_at < now() - make_interval(days => ${KEEP_DAYS}) and region <> all ($1::text[]))
      insert into telemetry_regions as r (region, seen_at, dropped_spans)
      select s.region, clock_timestamp(), s.dropped from unnest($1::text[], $2::bigint[]) as s(region, dropped)
      where exists (select from telemetry_regions t where t.region = s.region)
        or (select count(*) from telemetry_regions) < ${MAX_REGIONS}
      order by s.region
      on conflict (region) do update set
        seen_at = excluded.seen_at,
        usual_gap_s = 0.9 * r.usual_gap_s
          + 0.1 * least(${LONGEST_GAP_S}, extract(epoch from excluded.seen_at - r.seen_at)::float8),
        (away_from, away_until) = (
          select case when not cut_off then r.away_from
                   when r.away_until > r.seen_at - make_interval(secs => ${LATENESS_S}) then r.away_from
                   else r.seen_at end,
                 case when cut_off then excluded.seen_at else r.away_until end
          from (select r.usual_gap_s <= ${STEADY_GAP_S}
                  and excluded.seen_at - r.seen_at > make_interval(secs => ${OUTAGE_S}) as cut_off) c),
        dropped_spans = r.dropped_spans + excluded.dropped_spans`,
    values: [sorted.map(({ region }) => region), sorted.map(({ droppedSpans }) => droppedSpans)],
  });
};

/**
 * SQL over a row of telemetry_regions `r`: the time up to which its telemetry is there for certain, when it is cut off or has
 * just come back; else null. `newest`: when any region was seen last.
 */
export const heldFromSql = (newest: string): string => `
  case
    when r.usual_gap_s <= ${STEADY_GAP_S}
      and r.seen_at < ${newest} - make_interval(secs => ${SILENT_S})
      and r.seen_at > clock_timestamp() - make_interval(secs => ${LONGEST_WAIT_S})
      then case when r.away_until > r.seen_at - make_interval(secs => ${LATENESS_S}) then r.away_from else r.seen_at end
    when r.away_until > clock_timestamp() - make_interval(secs => ${LATENESS_S})
      and r.away_from > clock_timestamp() - make_interval(secs => ${LONGEST_WAIT_S + LATENESS_S})
      then r.away_from
  end`;
