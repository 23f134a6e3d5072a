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

/** So far, whatever their age. It reads every bucket of the epoch. */
export const readExposed = async (db: Queryable, { featureId, epoch }: FeatureInEpoch): Promise<Exposed> => {
  const { rows } = await db.query<Exposed>({
    name: "read-exposed",
    text: `
      select coalesce(sum(units) filter (where cohort = 'treatment'), 0)::float8 as treatment,
        coalesce(sum(units) filter (where cohort = 'holdout'), 0)::float8 as holdout,
        min(bucket_s)::float8 as "firstS", max(bucket_s)::float8 as "newestS"
      from outcome_counts where feature_id = $1 and epoch = $2 and signal = 'exposure'`,
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
