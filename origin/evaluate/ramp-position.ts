// Where features stand on their ramps. The position begins anew whenever the rollout differs from the recorded one, also when a
// person changed it, so a stage's minimum time is always counted from the real change.
import type { Queryable } from "../db/pool.ts";
import type { RampPosition } from "../decide/ramp.ts";
import type { FeatureId } from "../../shared/ids.ts";

/** `at`: unix seconds of this evaluation. */
export const recordRampPosition = async (
  db: Queryable,
  { featureId, rolloutBps, at }: { featureId: FeatureId; rolloutBps: number; at: number },
): Promise<RampPosition> => {
  const { rows } = await db.query<{ since: number; paused: boolean }>(
    `insert into pmf_ramps as r (feature_id, rollout_bps, since) values ($1, $2, to_timestamp($3))
     on conflict (feature_id) do update set
       since = case when r.rollout_bps = excluded.rollout_bps then r.since else excluded.since end,
       rollout_bps = excluded.rollout_bps
     returning extract(epoch from since)::float8 as since, paused`,
    [featureId, rolloutBps, at],
  );
  return { rolloutBps, since: rows[0]?.since ?? at, paused: rows[0]?.paused ?? false };
};
