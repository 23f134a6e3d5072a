// Reports a rollback that has not reached every region of every edge in time: a metric for alerts, a line in the log.
import { z } from "zod";
import type { Pool } from "../db/pool.ts";
import type { ErrorLog } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { FeatureId } from "../../shared/ids.ts";

/** A rollback arrives everywhere long before this, in seconds; younger ones are not counted. */
const GRACE_S = 30;

const IncompleteRollback = z.object({
  featureId: FeatureId,
  revision: z.number(),
  ageS: z.number(),
  edges: z.array(z.string()),
});
export type IncompleteRollback = z.infer<typeof IncompleteRollback>;

/**
 * Of a feature that was rolled back several times only the newest counts. A close that arrived alone has closed the feature,
 * though the rest of its revision is missing there.
 */
export const readIncompleteRollbacks = async (pool: Pool, graceS: number): Promise<IncompleteRollback[]> => {
  const { rows } = await pool.query(
    `select f.feature_id as "featureId", f.revision,
            extract(epoch from clock_timestamp() - f.rolled_back_at)::double precision as "ageS",
            array_agg(p.url order by p.url) as edges
     from feature_flags f join edge_progress p on p.complete_revision < f.revision
     where f.rolled_back_at < clock_timestamp() - $1 * interval '1 second'
       and not exists (
         select from edge_closes c where c.url = p.url and c.feature_id = f.feature_id and c.epoch >= f.epoch)
     group by f.feature_id order by f.revision`,
    [graceS],
  );
  return rows.map((row) => IncompleteRollback.parse(row));
};

/** Which rollbacks to report now. Each is reported once for as long as it is incomplete. */
export const reportOnce = (
  incomplete: readonly IncompleteRollback[],
  reported: ReadonlySet<number>,
): { readonly toReport: readonly IncompleteRollback[]; readonly reported: ReadonlySet<number> } => ({
  toReport: incomplete.filter(({ revision }) => !reported.has(revision)),
  reported: new Set(incomplete.map(({ revision }) => revision)),
});

/** Tells people outside. Several processes see the same; by `key` it is told once. */
export type AnnounceUnconfirmed = (news: {
  event: "edge.unconfirmed";
  featureId: FeatureId;
  revision: number;
  reason: string;
  key: string;
}) => Promise<void>;

/** Returns the check, to be called every few seconds. */
export const makeCompletionMonitor = (options: {
  pool: Pool;
  announce: AnnounceUnconfirmed;
  metrics: Pick<Metrics, "rollbacksIncomplete">;
  log: ErrorLog;
  graceS?: number;
}): (() => Promise<void>) => {
  const { pool, announce, metrics, log, graceS = GRACE_S } = options;
  let reported: ReadonlySet<number> = new Set();
  return async () => {
    const incomplete = await readIncompleteRollbacks(pool, graceS);
    metrics.rollbacksIncomplete.set(incomplete.length);
    const report = reportOnce(incomplete, reported);
    for (const rollback of report.toReport)
      log.error(
        { ...rollback },
        "ALERT: a rollback has not reached every edge; the edges named here may still serve the feature",
      );
    for (const { featureId, revision, edges } of report.toReport)
      await announce({
        event: "edge.unconfirmed",
        featureId,
        revision,
        reason: `The rollback has not reached every region within ${graceS} s. These edges may still serve the feature: ${edges.join(", ")}`,
        key: `edge.unconfirmed ${featureId} ${revision}`,
      });
    ({ reported } = report);
  };
};
