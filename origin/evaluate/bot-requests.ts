// What was left out of a feature's evidence because bots sent it, as ingest has counted it (up to a second ago).
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";

/** Since the epoch began. */
export const readBotRequests = async (
  db: Queryable,
  featureId: FeatureId,
  epoch: number,
): Promise<number> => {
  const { rows } = await db.query<{ requests: number }>({
    name: "read-bot-requests",
    text: "select requests::float8 as requests from bot_requests where feature_id = $1 and epoch = $2",
    values: [featureId, epoch],
  });
  return rows[0]?.requests ?? 0;
};
