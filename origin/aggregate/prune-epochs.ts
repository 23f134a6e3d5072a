// Deletes the units and counts of epochs that are over. They are kept while spans may still arrive for them.
import { inTransaction, type Pool, type Queryable } from "../db/pool.ts";
import { MAX_SPAN_AGE_DAYS } from "../span-log/record.ts";

/** Ingest rejects older spans, and the fold may be some days behind. */
const KEEP_DAYS = MAX_SPAN_AGE_DAYS + 4;

type Ended = { feature_id: string; epoch: number };

/**
 * Deletes one ended epoch or deleted feature, run by run (some 100 ms each); returns whether there may be more. The
 * windows go last: through them the epoch is found here. `rules`: the main database; `pool`: the one that is pruned.
 */
export const pruneEndedEpochs = async (rules: Queryable, pool: Pool): Promise<boolean> => {
  const { rows: counted } = await pool.query<Ended>("select feature_id, epoch from fold_windows");
  const { rows } = await rules.query<Ended>(
    `select w.feature_id, w.epoch
     from unnest($2::text[], $3::integer[]) as w (feature_id, epoch)
     left join feature_flags f using (feature_id)
     left join feature_tombstones t using (feature_id)
     where case when f.feature_id is null then t.deleted_at < now() - make_interval(days => $1)
           else w.epoch < f.epoch and f.epoch_started_at < now() - make_interval(days => $1) end
     order by w.feature_id, w.epoch
     limit 1`,
    [KEEP_DAYS, counted.map(({ feature_id }) => feature_id), counted.map(({ epoch }) => epoch)],
  );
  const ended = rows[0];
  if (ended === undefined) return false;
  const key = [ended.feature_id, ended.epoch];
  const { rows: runs } = await pool.query<{ run: number }>("select run from unit_runs order by run");
  for (const { run } of runs)
    await pool.query("delete from unit_evidence where run = $3 and feature_id = $1 and epoch = $2", [
      ...key,
      run,
    ]);
  await inTransaction(pool, async (client) => {
    for (const table of [
      "outcome_counts",
      "latency_sketches",
      "arrivals",
      "uncounted_signals",
      "outcome_counts_by_partition",
      "arrivals_by_partition",
      "uncounted_by_partition",
      "fold_set_aside",
      "fold_quarantine",
      "epoch_pseudonyms",
      "fold_windows",
    ])
      await client.query(`delete from ${table} where feature_id = $1 and epoch = $2`, key);
  });
  return true;
};

/**
 * Of epochs that are over and of which nothing is counted, no key need be known. Those of which something is go with
 * it. A feature that was never visited has such ones.
 */
export const pruneUnusedPseudonyms = async (pool: Queryable): Promise<void> => {
  await pool.query(
    `delete from epoch_pseudonyms e
     where not exists (select from fold_windows w where w.feature_id = e.feature_id and w.epoch = e.epoch)
       and coalesce(
         (select e.epoch < f.epoch and f.epoch_started_at < now() - make_interval(days => $1)
          from feature_flags f where f.feature_id = e.feature_id),
         (select t.deleted_at < now() - make_interval(days => $1)
          from feature_tombstones t where t.feature_id = e.feature_id),
         false)`,
    [KEEP_DAYS],
  );
};
