// The requests that features' evidence leaves out because bots sent them, as ingest has counted them (up to a second ago).
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";

/** Since the epochs began, by feature; none of a feature that is not there. */
export const readBotRequests = async (
  db: Queryable,
  features: readonly { readonly featureId: FeatureId; readonly epoch: number }[],
): Promise<ReadonlyMap<FeatureId, number>> => {
  if (features.length === 0) return new Map();
  const { rows } = await db.query<{ feature_id: FeatureId; requests: number }>({
    name: "read-bot-requests",
    text: `
     select feature_id, requests::float8 as requests
     from bot_requests join unnest($1::text[], $2::int[]) as target (feature_id, epoch) using (feature_id, epoch)`,
    values: [features.map(({ featureId }) => featureId), features.map(({ epoch }) => epoch)],
  });
  return new Map(rows.map(({ feature_id: id, requests }) => [id, requests]));
};
