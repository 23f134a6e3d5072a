// Says so when a rollback has not reached every region of every edge in time: a number for alerts, a line for people.
import { z } from "zod";
import type { Pool } from "../db/pool.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { FeatureId } from "../../shared/ids.ts";

/** A rollback should have arrived everywhere long before; younger ones are not counted. */
const PATIENCE_S = 30;

const Incomplete = z.object({
  featureId: FeatureId,
  revision: z.number(),
  ageS: z.number(),
  edges: z.array(z.string()),
});
export type Incomplete = z.infer<typeof Incomplete>;

/** Of a feature that was rolled back several times only the newest counts. */
export const readIncomplete = async (pool: Pool, patienceS: number): Promise<Incomplete[]> => {
  const { rows } = await pool.query(
    `select f.feature_id as "featureId", f.revision,
            extract(epoch from clock_timestamp() - f.rolled_back_at)::double precision as "ageS",
            array_agg(p.url order by p.url) as edges
     from feature_flags f join edge_progress p on p.complete_revision < f.revision
     where f.rolled_back_at < clock_timestamp() - $1 * interval '1 second'
     group by f.feature_id order by f.revision`,
    [patienceS],
  );
  return rows.map((row) => Incomplete.parse(row));
};

/** Checks once; returns what to call again every few seconds. One line a rollback, not one a check. */
export const makeCompletionWatch = (options: {
  pool: Pool;
  metrics: Pick<Metrics, "rollbacksIncomplete">;
  log: { readonly error: (facts: object, message: string) => void };
  patienceS?: number;
}): (() => Promise<void>) => {
  const { pool, metrics, log, patienceS = PATIENCE_S } = options;
  const told = new Set<number>();
  return async () => {
    const incomplete = await readIncomplete(pool, patienceS);
    metrics.rollbacksIncomplete.set(incomplete.length);
    for (const one of incomplete) {
      if (told.has(one.revision)) continue;
      told.add(one.revision);
      log.error({ ...one }, "ALERT: a rollback has not reached every edge");
    }
    const open = new Set(incomplete.map((one) => one.revision));
    for (const revision of told) if (!open.has(revision)) told.delete(revision);
  };
};
