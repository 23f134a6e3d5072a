// Reads settled buckets of many features in two statements, whatever the number of features: outcomes by age, and
// requests. A check reads the buckets that settled since the one before, never users.
import { countAbove } from "../aggregate/sketch.ts";
import type { Queryable } from "../db/pool.ts";
import type { OutcomeBucket, TrafficBucket } from "../decide/fold.ts";
import type { FeatureId } from "../../shared/ids.ts";

export type OutcomeSignal = "exposure" | "activation" | "retention";

/** The buckets of one feature, signal and age that begin in [from, upTo), unix seconds. */
export type OutcomeRange = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly signal: OutcomeSignal;
  readonly ageSeconds: number;
  /** The age before, where the comparison of both is asked for. */
  readonly earlierAgeSeconds: number | null;
  readonly from: number;
  readonly upTo: number;
};

type OutcomeRow = {
  position: number;
  bucket_s: number;
  exposed_treatment: number | null;
  exposed_holdout: number | null;
  treatment: number | null;
  holdout: number | null;
  earlier_treatment: number | null;
  earlier_holdout: number | null;
};

/** For each range, in its order, the buckets that hold anything, rising. For "exposure" `s` is `n`. */
export const readOutcomes = async (
  db: Queryable,
  ranges: readonly OutcomeRange[],
): Promise<OutcomeBucket[][]> => {
  const found = ranges.map((): OutcomeBucket[] => []);
  if (ranges.length === 0) return found;
  const { rows } = await db.query<OutcomeRow>(
    `select w.position::int, o.bucket_s,
       sum(o.units) filter (where o.signal = 'exposure' and o.cohort = 'treatment')::float8 as exposed_treatment,
       sum(o.units) filter (where o.signal = 'exposure' and o.cohort = 'holdout')::float8 as exposed_holdout,
       sum(o.units) filter (where o.signal = w.signal and o.age_s = w.age_s and o.cohort = 'treatment')::float8
         as treatment,
       sum(o.units) filter (where o.signal = w.signal and o.age_s = w.age_s and o.cohort = 'holdout')::float8
         as holdout,
       sum(o.units) filter (where o.age_s = w.earlier_s and o.cohort = 'treatment')::float8 as earlier_treatment,
       sum(o.units) filter (where o.age_s = w.earlier_s and o.cohort = 'holdout')::float8 as earlier_holdout
     from unnest($1::text[], $2::int[], $3::text[], $4::int[], $5::int[], $6::bigint[], $7::bigint[])
       with ordinality as w (feature_id, epoch, signal, age_s, earlier_s, from_s, up_to_s, position)
     join outcome_counts o
       on o.feature_id = w.feature_id and o.epoch = w.epoch
      and o.bucket_s >= w.from_s and o.bucket_s < w.up_to_s
      and ((o.signal = 'exposure' and o.age_s = 0) or (o.signal = w.signal and o.age_s in (w.age_s, w.earlier_s)))
     group by w.position, o.bucket_s
     order by w.position, o.bucket_s`,
    [
      ranges.map(({ featureId }) => featureId),
      ranges.map(({ epoch }) => epoch),
      ranges.map(({ signal }) => signal),
      ranges.map(({ ageSeconds }) => ageSeconds),
      ranges.map(({ earlierAgeSeconds }) => earlierAgeSeconds),
      ranges.map(({ from }) => from),
      ranges.map(({ upTo }) => upTo),
    ],
  );
  for (const row of rows) {
    found[row.position - 1]?.push({
      bucketS: row.bucket_s,
      treatment: { n: row.exposed_treatment ?? 0, s: row.treatment ?? 0 },
      holdout: { n: row.exposed_holdout ?? 0, s: row.holdout ?? 0 },
      earlier: { treatment: row.earlier_treatment ?? 0, holdout: row.earlier_holdout ?? 0 },
    });
  }
  return found;
};

/** The requests of one feature that came in during [from, upTo). */
export type TrafficRange = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly from: number;
  readonly upTo: number;
};

/** Some of the requests of one bucket and cohort: several processes may have counted their own. */
export type TrafficPart = {
  readonly bucketS: number;
  readonly cohort: "treatment" | "holdout";
  readonly requests: number;
  readonly errors: number;
  readonly sketch: Buffer;
};

type TrafficRow = Omit<TrafficPart, "bucketS"> & { position: number; bucket_s: number };

/** For each range, in its order, the parts of its buckets, rising. */
export const readTraffic = async (
  db: Queryable,
  ranges: readonly TrafficRange[],
): Promise<TrafficPart[][]> => {
  const found = ranges.map((): TrafficPart[] => []);
  if (ranges.length === 0) return found;
  const { rows } = await db.query<TrafficRow>(
    `select w.position::int, l.bucket_s, l.cohort, l.requests, l.errors, l.sketch
     from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
       with ordinality as w (feature_id, epoch, from_s, up_to_s, position)
     join latency_sketches l
       on l.feature_id = w.feature_id and l.epoch = w.epoch
      and l.bucket_s >= w.from_s and l.bucket_s < w.up_to_s
     order by w.position, l.bucket_s`,
    [
      ranges.map(({ featureId }) => featureId),
      ranges.map(({ epoch }) => epoch),
      ranges.map(({ from }) => from),
      ranges.map(({ upTo }) => upTo),
    ],
  );
  for (const { position, bucket_s: bucketS, cohort, requests, errors, sketch } of rows)
    found[position - 1]?.push({ bucketS, cohort, requests, errors, sketch });
  return found;
};

const NONE = { n: 0, s: 0 };

/** Buckets in rising order, with the requests that took longer than this. */
export const trafficBuckets = (
  parts: readonly TrafficPart[],
  latencyThresholdMs: number,
): TrafficBucket[] => {
  const buckets = new Map<number, TrafficBucket>();
  for (const { bucketS, cohort, requests, errors, sketch } of parts) {
    const slow = countAbove(sketch, latencyThresholdMs);
    const before = buckets.get(bucketS) ?? {
      bucketS,
      latency: { treatment: NONE, holdout: NONE },
      errors: { treatment: NONE, holdout: NONE },
    };
    const plus = (tally: { n: number; s: number }, bad: number) => ({
      n: tally.n + requests,
      s: tally.s + bad,
    });
    buckets.set(bucketS, {
      bucketS,
      latency: { ...before.latency, [cohort]: plus(before.latency[cohort], slow) },
      errors: { ...before.errors, [cohort]: plus(before.errors[cohort], errors) },
    });
  }
  return [...buckets.values()];
};
