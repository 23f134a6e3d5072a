// Deletes units of epochs that go on, and the requests of kept features, once they are old. A unit is old when nothing that it does
// can change its outcome any more; what it did stays in the counts, and in the trials that have taken them in.
import type { Pool } from "../db/pool.ts";
import { MAX_SPAN_AGE_DAYS } from "../span-log/record.ts";

/** After its longest window a unit is kept at least so long: its spans may be late, and the fold may be some days behind. */
const AFTER_WINDOWS_DAYS = MAX_SPAN_AGE_DAYS + 4;

/**
 * By the first exposure, run by run: a scan of one takes some 50 ms, because no index is worth its cost at each new unit.
 * Returns how many rows were deleted. A unit that comes again later is a new one.
 */
const pruneUnits = async (pool: Pool, keepDays: number): Promise<number> => {
  const { rows: runs } = await pool.query<{ run: number }>("select run from unit_runs order by run");
  let deleted = 0;
  for (const { run } of runs) {
    const { rowCount } = await pool.query(
      `delete from unit_evidence e using fold_windows w
       where e.run = $1 and w.feature_id = e.feature_id and w.epoch = e.epoch
         and e.first_exposed_at < now() - greatest(
           make_interval(days => $2),
           make_interval(days => $3, secs => (select coalesce(max(age), 0)
             from unnest(w.activation_ages_s || w.retention_ages_s) age)))`,
      [run, keepDays, AFTER_WINDOWS_DAYS],
    );
    deleted += rowCount ?? 0;
  }
  return deleted;
};

/** Of features that have come to KEEP: their trial holds all requests, merged. Others may yet get a rule that asks for them. */
const pruneSketches = async (pool: Pool, keepDays: number): Promise<number> => {
  const { rowCount } = await pool.query(
    `delete from latency_sketches s using pmf_trials t
     where t.feature_id = s.feature_id and t.epoch = s.epoch and t.decided = 'KEEP'
       and s.bucket_s < extract(epoch from now()) - $1 * 86400`,
    [Math.max(keepDays, AFTER_WINDOWS_DAYS)],
  );
  return rowCount ?? 0;
};

export const pruneOldUnits = async (
  pool: Pool,
  keepDays: number,
): Promise<{ units: number; sketches: number }> => ({
  units: await pruneUnits(pool, keepDays),
  sketches: await pruneSketches(pool, keepDays),
});
