// Units that met a feature in its epoch, as they are counted: in all, and in the last day.
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";

const DAY = 86_400;

type FeatureInEpoch = { readonly featureId: FeatureId; readonly epoch: number };

export type Exposed = {
  readonly treatment: number;
  readonly holdout: number;
  /** Unix seconds at which the buckets of the first and the newest begin; null: nobody was exposed yet. */
  readonly firstS: number | null;
  readonly newestS: number | null;
};

/**
 * So far, whatever their age. The first trial of an epoch has counted all of its units up to where it is accumulated, so that only
 * the buckets behind are read: for an epoch of 90 days with a bucket for every three minutes 0.4 ms and not 50 to 70 ms. Without such a
 * trial it reads every bucket of the epoch.
 */
export const readExposed = async (db: Queryable, { featureId, epoch }: FeatureInEpoch): Promise<Exposed> => {
  const { rows } = await db.query<Exposed>({
    name: "read-exposed",
    text: `
      with trial as materialized (
        select (t.evidence #>> '{exposed,treatment}')::float8 as treatment,
          (t.evidence #>> '{exposed,holdout}')::float8 as holdout,
          (t.evidence #>> '{exposed,firstBucketS}')::float8 as first_s,
          (t.evidence #>> '{exposed,foldedTo}')::bigint as accumulated_to
        from pmf_trials t join feature_flags f using (feature_id, epoch)
        where t.feature_id = $1 and t.epoch = $2
          and (t.evidence ->> 'since')::float8 <= extract(epoch from f.epoch_started_at)::float8
      ), behind as (
        select sum(units) filter (where cohort = 'treatment')::float8 as treatment,
          sum(units) filter (where cohort = 'holdout')::float8 as holdout,
          min(bucket_s)::float8 as first_s
        from outcome_counts where feature_id = $1 and epoch = $2 and signal = 'exposure'
          and bucket_s >= coalesce((select accumulated_to from trial), 0)
      )
      select coalesce(t.treatment, 0) + coalesce(b.treatment, 0) as treatment,
        coalesce(t.holdout, 0) + coalesce(b.holdout, 0) as holdout,
        least(t.first_s, b.first_s) as "firstS",
        (select o.bucket_s::float8 from outcome_counts o
         where o.feature_id = $1 and o.epoch = $2 and o.signal = 'exposure' order by o.bucket_s desc limit 1) as "newestS"
      from behind b left join trial t on true`,
    values: [featureId, epoch],
  });
  return rows[0] ?? { treatment: 0, holdout: 0, firstS: null, newestS: null };
};

/** null: the cohort has no bucket of the day. */
export type ExposedOfDay = { readonly treatment: number | null; readonly holdout: number | null };

/** Of the day up to `now` (unix seconds). It reads as much however old the epoch is. */
export const readExposedOfDay = async (
  db: Queryable,
  { featureId, epoch }: FeatureInEpoch,
  now: number,
): Promise<ExposedOfDay> => {
  const { rows } = await db.query<ExposedOfDay>({
    name: "read-exposed-of-day",
    text: `
      select sum(units) filter (where cohort = 'treatment')::float8 as treatment,
        sum(units) filter (where cohort = 'holdout')::float8 as holdout
      from outcome_counts where feature_id = $1 and epoch = $2 and signal = 'exposure' and bucket_s >= $3`,
    values: [featureId, epoch, Math.floor(now) - DAY],
  });
  return rows[0] ?? { treatment: null, holdout: null };
};
