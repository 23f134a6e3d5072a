// Reads settled buckets of many features in two statements, whatever the number of features: outcomes by age, and
// requests. A check reads the buckets that settled since the one before, never users.
import { countAbove } from "../../shared/telemetry/latency-sketch.ts";
import type { Queryable } from "../db/pool.ts";
import type { OutcomeBucket } from "../decide/accumulate-outcomes.ts";
import type { TrafficBucket } from "../decide/accumulate-requests.ts";
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

/** A stretch of one feature's buckets, read once for all the ranges that lie in it. */
type Scan = {
  readonly featureId: FeatureId;
  readonly epoch: number;
  readonly from: number;
  upTo: number;
  /** positions of the ranges */
  readonly ranges: number[];
};

/** As arrays, in the order in which the statements unnest them. */
const stretchColumns = (stretches: readonly Pick<Scan, "featureId" | "epoch" | "from" | "upTo">[]) => [
  stretches.map(({ featureId }) => featureId),
  stretches.map(({ epoch }) => epoch),
  stretches.map(({ from }) => from),
  stretches.map(({ upTo }) => upTo),
];

/** Ranges of one feature that overlap are read together: a trial that begins has the same buckets to read for each age. */
const scansOf = (ranges: readonly OutcomeRange[]): Scan[] => {
  const byFeature = new Map<string, Scan[]>();
  const rising = [...ranges.entries()].toSorted(([, a], [, b]) => a.from - b.from);
  for (const [position, { featureId, epoch, from, upTo }] of rising) {
    const key = `${epoch}:${featureId}`;
    const scans = byFeature.get(key) ?? [];
    byFeature.set(key, scans);
    const last = scans.at(-1);
    if (last === undefined || from >= last.upTo)
      scans.push({ featureId, epoch, from, upTo, ranges: [position] });
    else {
      last.upTo = Math.max(last.upTo, upTo);
      last.ranges.push(position);
    }
  }
  return [...byFeature.values()].flat();
};

/** An OutcomeBucket that is being filled. */
const emptyBucket = (bucketS: number) => ({
  bucketS,
  treatment: { n: 0, s: 0 },
  holdout: { n: 0, s: 0 },
  earlier: { treatment: 0, holdout: 0 },
});
type FillingBucket = ReturnType<typeof emptyBucket>;

/** The bucket of a rising list that begins at `bucketS`, added at its end when it is new. */
const lastBucket = (buckets: FillingBucket[], bucketS: number): FillingBucket => {
  const last = buckets.at(-1);
  if (last?.bucketS === bucketS) return last;
  const added = emptyBucket(bucketS);
  buckets.push(added);
  return added;
};

/** Position of the scan, begin of the bucket, then what an outcome count is about, and how many. */
type OutcomeRow = [number, number, OutcomeSignal, number, "treatment" | "holdout", number];

/**
 * For each range, in its order, the buckets that hold anything, rising. For "exposure" `s` is `n`. The order inside of the
 * lateral part keeps it one probe of the primary key a stretch: as a plain join, PostgreSQL preferred to read the whole table
 * for fifty features, 1 s with eight million rows, and 14 s for a thousand, where the probes take 0.1 s.
 */
export const readOutcomes = async (
  db: Queryable,
  ranges: readonly OutcomeRange[],
): Promise<OutcomeBucket[][]> => {
  const found = ranges.map((): FillingBucket[] => []);
  if (ranges.length === 0) return found;
  const scans = scansOf(ranges);
  const { rows } = await db.query<OutcomeRow>({
    name: "read-outcomes",
    rowMode: "array",
    text: `
      select w.position::int, o.bucket_s, o.signal, o.age_s, o.cohort, o.units
      from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
        with ordinality as w (feature_id, epoch, from_s, up_to_s, position)
      cross join lateral (
        select * from outcome_counts
        where feature_id = w.feature_id and epoch = w.epoch and bucket_s >= w.from_s and bucket_s < w.up_to_s
        order by bucket_s
      ) o
      order by w.position, o.bucket_s`,
    values: stretchColumns(scans),
  });
  for (const [scan, bucketS, signal, ageS, cohort, units] of rows) {
    for (const position of scans[scan - 1]?.ranges ?? []) {
      const range = ranges[position];
      const buckets = found[position];
      if (range === undefined || buckets === undefined) continue;
      if (bucketS < range.from || bucketS >= range.upTo) continue;
      if (signal === "exposure") lastBucket(buckets, bucketS)[cohort].n += units;
      if (signal !== range.signal) continue;
      if (ageS === range.ageSeconds) lastBucket(buckets, bucketS)[cohort].s += units;
      if (ageS === range.earlierAgeSeconds) lastBucket(buckets, bucketS).earlier[cohort] += units;
    }
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
  readonly sketch: Uint8Array;
};

type TrafficRow = Omit<TrafficPart, "bucketS"> & { position: number; bucket_s: number };

/** For each range, in its order, the parts of its buckets, rising. */
export const readTraffic = async (
  db: Queryable,
  ranges: readonly TrafficRange[],
): Promise<TrafficPart[][]> => {
  const found = ranges.map((): TrafficPart[] => []);
  if (ranges.length === 0) return found;
  const { rows } = await db.query<TrafficRow>({
    name: "read-traffic",
    text: `
     select w.position::int, l.bucket_s, l.cohort, l.requests, l.errors, l.sketch
     from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])
       with ordinality as w (feature_id, epoch, from_s, up_to_s, position)
     cross join lateral (
       select * from latency_sketches
       where feature_id = w.feature_id and epoch = w.epoch and bucket_s >= w.from_s and bucket_s < w.up_to_s
       order by bucket_s
     ) l
     order by w.position, l.bucket_s`,
    values: stretchColumns(ranges),
  });
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
