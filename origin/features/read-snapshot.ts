// The features for the edge: all of them, or those that changed since a revision. Each is read in one statement, so it
// shows one moment.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { Close, PushMessage } from "../../shared/snapshot/push-message.ts";
import type { Snapshot } from "../../shared/snapshot/snapshot.ts";
import { Revision } from "../../shared/ids.ts";

const Full = z.object({ revision: Revision, features: z.array(FeatureState) });

export const currentSnapshot = async (db: Queryable): Promise<Snapshot> => {
  const { rows } = await db.query(
    `select (select revision from state_head) as revision,
            coalesce((select jsonb_agg(full_feature_state(f) order by f.feature_id) from feature_flags f), '[]') as features`,
  );
  return Full.parse(rows[0]);
};

/** A push, and what it closes: closes travel alone where the rest is long. */
export type Changes = { readonly message: PushMessage; readonly closes: readonly Close[] };

const Removed = z.array(Close);

const closesIn = ({ features }: PushMessage, removed: readonly Close[]): Close[] => [
  ...features
    .filter(({ enabled }) => !enabled)
    .map(({ featureId, epoch, version }) => ({ featureId, epoch, version })),
  ...removed,
];

/**
 * The push that brings an edge from `since` to now. It is full when `since` is null, or older than the revision to which
 * the database was raised after a restore: below that, edges may have had other states under the same numbers.
 */
export const changesSince = async (db: Queryable, since: Revision | null): Promise<Changes> => {
  const { rows } = await db.query({
    name: "changes-since",
    text: `select head.revision, head.full,
            coalesce((select jsonb_agg(full_feature_state(f) order by f.feature_id)
                      from feature_flags f where head.full or f.revision > $1), '[]') as features,
            coalesce((select jsonb_agg(feature_id order by feature_id)
                      from feature_tombstones where not head.full and revision > $1), '[]') as removed,
            coalesce((select jsonb_agg(jsonb_build_object('featureId', feature_id, 'epoch', epoch, 'version', version))
                      from feature_tombstones where not head.full and revision > $1), '[]') as "removedCloses"
     from (select revision, $1::bigint is null or $1 < base as full from state_head) head`,
    values: [since],
  });
  const message = PushMessage.parse(rows[0]);
  const closes = closesIn(message, Removed.parse(rows[0]?.removedCloses));
  return { message: message.full || since === null ? message : { ...message, since }, closes };
};

/** For an edge that has a revision which this database never gave out: the next revisions are above it. */
export const raiseRevision = async (db: Queryable, above: Revision): Promise<void> => {
  await db.query("select raise_revision($1)", [above]);
};
