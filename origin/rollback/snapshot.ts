// What the edge has to know: everything, or what changed since a revision. One statement each, so one moment.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { FeatureState, PushMessage, type Snapshot } from "../../shared/feature.ts";
import { Revision } from "../../shared/ids.ts";
import { stateJson } from "./record.ts";

const Full = z.object({ revision: Revision, features: z.array(FeatureState) });

export const currentSnapshot = async (db: Queryable): Promise<Snapshot> => {
  const { rows } = await db.query(
    `select (select revision from state_head) as revision,
            coalesce((select jsonb_agg(${stateJson} order by f.feature_id) from feature_flags f), '[]') as features`,
  );
  return Full.parse(rows[0]);
};

/** The push that brings an edge from `since` to now; `since` null: the whole state. */
export const changesSince = async (db: Queryable, since: Revision | null): Promise<PushMessage> => {
  if (since === null) {
    const { revision, features } = await currentSnapshot(db);
    return { revision, full: true, features: [...features], removed: [] };
  }
  const { rows } = await db.query({
    name: "changes-since",
    text: `select (select revision from state_head) as revision, false as full, $1::bigint as since,
            coalesce((select jsonb_agg(${stateJson} order by f.feature_id)
                      from feature_flags f where f.revision > $1), '[]') as features,
            coalesce((select jsonb_agg(feature_id order by feature_id)
                      from feature_tombstones where revision > $1), '[]') as removed`,
    values: [since],
  });
  return PushMessage.parse(rows[0]);
};

/** Makes the next revisions newer than one that an edge has and this database never gave out. */
export const raiseRevision = async (db: Queryable, above: Revision): Promise<void> => {
  await db.query("select raise_revision($1)", [above]);
};
