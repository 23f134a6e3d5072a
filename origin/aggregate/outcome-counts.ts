// Changes of outcome counts that one batch makes, added up for each feature, epoch, bucket and cohort, and their write.
import type { Client } from "../db/pool.ts";
import { BOT, HOLDOUT } from "../span-log/cohort-code.ts";
import type { OutcomeWindows } from "./outcome-windows.ts";
import type { FeatureWeights } from "./weights/feature-weights.ts";
import { eachCount, exposureBucketOf, NO_COHORT, type Unit } from "./units/unit.ts";

export type CountedFeature = {
  readonly featureId: string;
  /** the id in UTF-8 */
  readonly idBytes: Buffer;
  readonly epoch: number;
  readonly windows: OutcomeWindows;
  readonly weights: FeatureWeights;
};

/** The cohorts that are counted, as the tables name them. */
export const COHORT_NAMES = ["treatment", "holdout"] as const;
/** Position of a stored cohort code among `COHORT_NAMES`: units whose cohort no span has named count as treatment. */
export const cohortIndex = (code: number): 0 | 1 => (code === HOLDOUT ? 1 : 0);

type DeltasByFeature = Map<CountedFeature, Map<number, Int32Array>>;

/** A database that does not keep its counts by partition has all of them under this one. */
export const ALL_PARTITIONS = -1;

export const makeCountDeltas = () => {
  const byPartition = new Map<number, DeltasByFeature>();
  let last: { readonly partition: number; readonly byFeature: DeltasByFeature } | undefined;

  const ofPartition = (partition: number): DeltasByFeature => {
    if (last?.partition === partition) return last.byFeature;
    let byFeature = byPartition.get(partition);
    if (byFeature === undefined) byPartition.set(partition, (byFeature = new Map()));
    last = { partition, byFeature };
    return byFeature;
  };

  const add = (byFeature: DeltasByFeature, feature: CountedFeature, unit: Unit, by: 1 | -1): void => {
    if (unit.cohort === NO_COHORT || unit.cohort === BOT) return;
    const { windows } = feature;
    const positions = 1 + windows.activationAgesS.length + windows.retentionAgesS.length;
    let buckets = byFeature.get(feature);
    if (buckets === undefined) byFeature.set(feature, (buckets = new Map()));
    const bucket = exposureBucketOf(unit.exposedMs, windows.bucketS);
    let deltas = buckets.get(bucket);
    if (deltas === undefined) buckets.set(bucket, (deltas = new Int32Array(positions * 2)));
    const offset = cohortIndex(unit.cohort) * positions;
    const counts = deltas;
    eachCount(unit, windows, (position) => {
      counts[offset + position] = (counts[offset + position] ?? 0) + by;
    });
  };

  return {
    /** A unit was `before` and is `after`: late data takes it out of one bucket and puts it into another. */
    move: (partition: number, feature: CountedFeature, before: Unit, after: Unit): void => {
      const byFeature = ofPartition(partition);
      add(byFeature, feature, before, -1);
      add(byFeature, feature, after, 1);
    },
    byPartition: byPartition as ReadonlyMap<number, DeltasByFeature>,
  };
};
export type CountDeltas = ReturnType<typeof makeCountDeltas>;

type Column = { signal: "exposure" | "activation" | "retention"; ageS: number };

const columnsOf = ({ activationAgesS, retentionAgesS }: OutcomeWindows): Column[] => [
  { signal: "exposure", ageS: 0 },
  ...activationAgesS.map((ageS) => ({ signal: "activation" as const, ageS })),
  ...retentionAgesS.map((ageS) => ({ signal: "retention" as const, ageS })),
];

/** Adds the changes to the table of counts, in the order of its key: processes that share a row never wait in a circle. */
const ADD = {
  all: {
    name: "add-to-counts",
    text: `
      insert into outcome_counts as c (feature_id, epoch, cohort, signal, age_s, bucket_s, units)
      select d.feature_id, d.epoch, d.cohort, d.signal, d.age_s, d.bucket_s, d.units
      from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::smallint[])
        as d(feature_id, epoch, cohort, signal, age_s, bucket_s, units, partition)
      order by d.feature_id, d.epoch, d.bucket_s, d.cohort, d.signal, d.age_s
      on conflict (feature_id, epoch, bucket_s, cohort, signal, age_s)
      do update set units = c.units + excluded.units`,
  },
  byPartition: {
    name: "add-to-counts-by-partition",
    text: `
      insert into outcome_counts_by_partition as c (feature_id, epoch, cohort, signal, age_s, bucket_s, units, partition)
      select *
      from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::smallint[])
        as d(feature_id, epoch, cohort, signal, age_s, bucket_s, units, partition)
      order by d.feature_id, d.epoch, d.bucket_s, d.cohort, d.signal, d.age_s, d.partition
      on conflict (feature_id, epoch, bucket_s, cohort, signal, age_s, partition)
      do update set units = c.units + excluded.units`,
  },
};

/** Those of `ALL_PARTITIONS`, or of each partition: a database has one or the other. */
export const addToCounts = async (client: Client, deltas: CountDeltas): Promise<void> => {
  const features: string[] = [];
  const epochs: number[] = [];
  const cohorts: string[] = [];
  const signals: string[] = [];
  const ages: number[] = [];
  const buckets: number[] = [];
  const units: number[] = [];
  const partitions: number[] = [];
  for (const [partition, byFeature] of deltas.byPartition)
    for (const [{ featureId, epoch, windows }, byBucket] of byFeature) {
      const columns = columnsOf(windows);
      for (const [bucket, changes] of byBucket) {
        for (const [position, change] of changes.entries()) {
          if (change === 0) continue;
          const column = columns[position % columns.length];
          if (column === undefined) continue;
          features.push(featureId);
          epochs.push(epoch);
          cohorts.push(COHORT_NAMES[position < columns.length ? 0 : 1]);
          signals.push(column.signal);
          ages.push(column.ageS);
          buckets.push(bucket);
          units.push(change);
          partitions.push(partition);
        }
      }
    }
  if (units.length === 0) return;
  await client.query({
    ...(deltas.byPartition.has(ALL_PARTITIONS) ? ADD.all : ADD.byPartition),
    values: [features, epochs, cohorts, signals, ages, buckets, units, partitions],
  });
};
