// What the fold has set aside of a feature because it cannot count it (origin/aggregate/set-aside).
import type { Queryable } from "../db/pool.ts";

export type SetAside = { readonly spans: number; readonly since: Date; readonly reason: string };

/** null: everything of the epoch can be counted. */
export const readSetAside = async (
  db: Queryable,
  featureId: string,
  epoch: number,
): Promise<SetAside | null> => {
  const { rows } = await db.query<SetAside>(
    `select min(q.since) as since, min(q.error) as reason,
       (select coalesce(sum(records), 0)::bigint from fold_set_aside s
        where s.feature_id = $1 and s.epoch = $2) as spans
     from fold_quarantine q where q.feature_id = $1 and q.epoch = $2
     having count(*) > 0`,
    [featureId, epoch],
  );
  return rows[0] ?? null;
};
