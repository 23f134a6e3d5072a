// When each feature was evaluated last. The history gets a row only when something has changed, so that alone would make a quiet
// evaluator look like a dead one.
import { FOREIGN_KEY_VIOLATION, sqlState } from "../db/errors.ts";
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";

/** One write in so many seconds for all features together: the time is for people. */
const WRITE_EVERY_SECONDS = 5;

/**
 * A row that another process is just writing is left to it, so that processes never wait for each other. The disk is not waited
 * for: a crash costs a few seconds of a time. The service may read features but not lock them, so one that is deleted in this
 * very moment fails the statement: the times are then written with the next one, which no longer finds it.
 */
const writeLooks = async (db: Queryable, featureIds: readonly FeatureId[], at: number): Promise<void> => {
  try {
    await db.query({
      name: "write-looks",
      text: `
       with known as (
         select feature_id from pmf_looks where feature_id = any($1::text[]) for update skip locked
       ), updated as (
         update pmf_looks l set looked_at = greatest(l.looked_at, to_timestamp($2))
         from known where l.feature_id = known.feature_id
       ), inserted as (
         insert into pmf_looks (feature_id, looked_at)
         select f.feature_id, to_timestamp($2) from feature_flags f
         where f.feature_id = any($1::text[])
           and not exists (select from pmf_looks l where l.feature_id = f.feature_id)
         order by f.feature_id
         on conflict do nothing
       )
       select set_config('synchronous_commit', 'off', true)`,
      values: [featureIds, at],
    });
  } catch (error) {
    if (sqlState(error) !== FOREIGN_KEY_VIOLATION) throw error;
  }
};

export type Looks = {
  /** Takes note of the features that were evaluated at `at` (unix seconds). */
  readonly note: (featureIds: readonly FeatureId[], at: number) => Promise<void>;
};

export const makeLooks = (db: Queryable): Looks => {
  const noted = new Set<FeatureId>();
  let writtenAt = -Infinity;
  return {
    note: async (featureIds, at) => {
      for (const featureId of featureIds) noted.add(featureId);
      if (noted.size === 0 || Math.abs(at - writtenAt) < WRITE_EVERY_SECONDS) return;
      writtenAt = at;
      const looked = [...noted];
      noted.clear();
      await writeLooks(db, looked, at);
    },
  };
};

/** Unix time of the last look as a date; null before the first. */
export const readLookedAt = async (db: Queryable, featureId: FeatureId): Promise<Date | null> => {
  const { rows } = await db.query<{ looked_at: Date }>(
    "select looked_at from pmf_looks where feature_id = $1",
    [featureId],
  );
  return rows[0]?.looked_at ?? null;
};
