// The spans of a feature that ingest or the fold took and did not count, by reason: part of the explanation, not of the evidence.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";

export const readNotCounted = async (
  db: Queryable,
  featureId: FeatureId,
  epoch: number,
): Promise<Record<string, number>> => {
  const { rows } = await db.query<{ reason: string; spans: number }>(
    "select reason, spans from uncounted_signals where feature_id = $1 and epoch = $2 order by reason",
    [featureId, epoch],
  );
  return Object.fromEntries(rows.map(({ reason, spans }) => [reason, spans]));
};
