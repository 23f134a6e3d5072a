// Evidence of epochs that are over: kept while spans may still arrive for them, then deleted in small parts.
import type { Pool } from "../db/pool.ts";
import { inTransaction } from "../db/pool.ts";

/** Ingest refuses spans older than 31 days, so nothing can be added after this. */
const KEEP_DAYS = 35;
/** Rows of a part: some 100 ms of work. */
const PART = 20_000;

type Ended = { feature_id: string; epoch: number };

/**
 * Deletes a part of what belongs to ended epochs and deleted features; returns whether there is more. Counts and
 * sketches go when the units are gone, the windows last: they are what makes the epoch known here.
 */
export const pruneEndedEpochs = async (pool: Pool): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<Ended>(
      `select w.feature_id, w.epoch
       from fold_windows w
       left join feature_flags f using (feature_id)
       left join feature_tombstones t using (feature_id)
       where case when f.feature_id is null then t.deleted_at < now() - make_interval(days => $1)
             else w.epoch < f.epoch and f.epoch_started_at < now() - make_interval(days => $1) end
       order by w.feature_id, w.epoch
       limit 1
       for update of w skip locked`,
      [KEEP_DAYS],
    );
    const ended = rows[0];
    if (ended === undefined) return false;
    const key = [ended.feature_id, ended.epoch];
    const { rowCount } = await client.query(
      `delete from feature_units where unit_key = any(array(
         select unit_key from feature_units where feature_id = $1 and epoch = $2 limit ${PART}))`,
      key,
    );
    if (rowCount === PART) return true;
    for (const table of ["outcome_counts", "latency_sketches", "fold_windows"])
      await client.query(`delete from ${table} where feature_id = $1 and epoch = $2`, key);
    return true;
  });
