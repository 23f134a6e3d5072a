// Plans that were applied, by their hashes. commit-change.ts notes one with its changes; here are the rest: a plan that changes
// no feature, and the look whether one was applied before.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";
import type { AppliedConfig } from "../commit-change.ts";

const Applied = z.object({
  /** null: no feature was to be changed. */
  revision: Revision.nullable(),
  at: z.date(),
  features: z.array(z.object({ featureId: FeatureId, version: z.number() })).readonly(),
});
export type Applied = z.infer<typeof Applied>;

export const findApplied = async (db: Queryable, planHash: string): Promise<Applied | null> => {
  const { rows } = await db.query(
    "select revision, at, features from config_applies where plan_hash = $1 and revision is not null",
    [planHash],
  );
  return rows[0] === undefined ? null : Applied.parse(rows[0]);
};

/** Features and segments are as the files have them; what the files say now is kept, so that drift is told from it. */
export const noteApplied = async (
  db: Queryable,
  actor: string,
  { planHash, source, managed, managedSegments }: AppliedConfig,
): Promise<Applied> => {
  const { rows } = await db.query(
    `with noted as (
       insert into config_applies as had (plan_hash, source, actor, revision, at, features)
       values ($1, $2, $3, null, now(), '[]')
       on conflict (plan_hash) do update set at = excluded.at, actor = excluded.actor where had.revision is null
     ), managed as (
       update managed_features m set applied = f.applied, applied_at = now()
       from jsonb_to_recordset($4::jsonb) as f ("featureId" text, applied jsonb)
       where m.feature_id = f."featureId" and m.source = $2 and m.applied is distinct from f.applied
     ), managed_of_segments as (
       update managed_segments m set applied = s.applied, applied_at = now()
       from jsonb_to_recordset($5::jsonb) as s ("segmentId" text, applied jsonb)
       where m.segment_id = s."segmentId" and m.source = $2 and m.applied is distinct from s.applied
     )
     select null as revision, now() as at, '[]'::jsonb as features`,
    [planHash, source, actor, JSON.stringify(managed), JSON.stringify(managedSegments)],
  );
  return Applied.parse(rows[0]);
};
