// Units that met a feature in its epoch, as they are counted: in all, and in the last day.
import type { Queryable } from "../db/pool.ts";
import { countsOf, planOf, type AggregatePart } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";
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

type InTrial = {
  readonly treatment: number | null;
  readonly holdout: number | null;
  readonly firstS: number | null;
  readonly accumulatedTo: number | null;
};

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
const known = (numbers: readonly (number | null)[]): number[] => numbers.flatMap((one) => one ?? []);
const leastOf = (numbers: readonly (number | null)[]): number | null =>
  known(numbers).length === 0 ? null : Math.min(...known(numbers));
const mostOf = (numbers: readonly (number | null)[]): number | null =>
  known(numbers).length === 0 ? null : Math.max(...known(numbers));

/** Units in the buckets from here on, and the begin of the newest bucket of all. */
const readBehind = async (
  part: AggregatePart,
  { featureId, epoch }: FeatureInEpoch,
  accumulatedTo: number,
): Promise<Exposed> => {
  const { rows } = await part.db.query<Exposed>({
    name: planOf("read-exposed", part),
    text: `
      select coalesce(sum(units) filter (where cohort = 'treatment'), 0)::float8 as treatment,
        coalesce(sum(units) filter (where cohort = 'holdout'), 0)::float8 as holdout,
        min(bucket_s)::float8 as "firstS",
        (select o.bucket_s::float8 from ${countsOf(part)} o
         where o.feature_id = $1 and o.epoch = $2 and o.signal = 'exposure' order by o.bucket_s desc limit 1) as "newestS"
      from ${countsOf(part)} c where feature_id = $1 and epoch = $2 and signal = 'exposure' and bucket_s >= $3`,
    values: [featureId, epoch, accumulatedTo],
  });
  return rows[0] ?? { treatment: 0, holdout: 0, firstS: null, newestS: null };
};

/**
 * So far, whatever their age. The first trial of an epoch has counted all of its units up to where it is accumulated, so that only
 * the buckets behind are read: for an epoch of 90 days with a bucket for every three minutes 0.4 ms and not 50 to 70 ms. Without such a
 * trial it reads every bucket of the epoch.
 */
export const readExposed = async (
  db: Queryable,
  parts: readonly AggregatePart[],
  feature: FeatureInEpoch,
): Promise<Exposed> => {
  const { featureId, epoch } = feature;
  const { rows } = await db.query<InTrial>({
    name: "read-exposed-in-trial",
    text: `
      select (t.evidence #>> '{exposed,treatment}')::float8 as treatment,
        (t.evidence #>> '{exposed,holdout}')::float8 as holdout,
        (t.evidence #>> '{exposed,firstBucketS}')::float8 as "firstS",
        (t.evidence #>> '{exposed,foldedTo}')::float8 as "accumulatedTo"
      from pmf_trials t join feature_flags f using (feature_id, epoch)
      where t.feature_id = $1 and t.epoch = $2
        and (t.evidence ->> 'since')::float8 <= extract(epoch from f.epoch_started_at)::float8`,
    values: [featureId, epoch],
  });
  const trial = rows[0] ?? { treatment: 0, holdout: 0, firstS: null, accumulatedTo: 0 };
  const behind = await eachPart(parts, (part) => readBehind(part, feature, trial.accumulatedTo ?? 0));
  return {
    treatment: sumOf(behind.map(({ treatment }) => treatment)) + (trial.treatment ?? 0),
    holdout: sumOf(behind.map(({ holdout }) => holdout)) + (trial.holdout ?? 0),
    firstS: leastOf([trial.firstS, ...behind.map(({ firstS }) => firstS)]),
    newestS: mostOf(behind.map(({ newestS }) => newestS)),
  };
};

/** null: the cohort has no bucket of the day. */
export type ExposedOfDay = { readonly treatment: number | null; readonly holdout: number | null };

/**
 * Of the day up to `now` (unix seconds), for each feature in its order. It reads as much however old the epochs are, in one statement
 * for each part.
 */
export const readExposedOfDay = async (
  parts: readonly AggregatePart[],
  features: readonly FeatureInEpoch[],
  now: number,
): Promise<ExposedOfDay[]> => {
  const found = await eachPart(parts, async (part) => {
    const { rows } = await part.db.query<ExposedOfDay>({
      name: planOf("read-exposed-of-day", part),
      text: `
        select c.treatment, c.holdout
        from unnest($1::text[], $2::integer[]) with ordinality as w (feature_id, epoch, position)
        cross join lateral (
          select sum(units) filter (where cohort = 'treatment')::float8 as treatment,
            sum(units) filter (where cohort = 'holdout')::float8 as holdout
          from ${countsOf(part)} o
          where o.feature_id = w.feature_id and o.epoch = w.epoch and signal = 'exposure' and bucket_s >= $3
        ) c
        order by w.position`,
      values: [
        features.map(({ featureId }) => featureId),
        features.map(({ epoch }) => epoch),
        Math.floor(now) - DAY,
      ],
    });
    return rows;
  });
  return features.map((_feature, position) => {
    const ofParts = found.flatMap((rows) => rows[position] ?? []);
    const of = (cohort: "treatment" | "holdout"): number | null => {
      const counted = known(ofParts.map((one) => one[cohort]));
      return counted.length === 0 ? null : sumOf(counted);
    };
    return { treatment: of("treatment"), holdout: of("holdout") };
  });
};
