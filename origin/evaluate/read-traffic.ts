// Reads the requests of many features in one statement, by the bucket in which they came in.
import { countAbove } from "../../shared/telemetry/latency-sketch.ts";
import type { Queryable } from "../db/pool.ts";
import type { TrafficBucket } from "../decide/accumulate-requests.ts";
import { addTallies, EMPTY_TALLIES, type Tally } from "../decide/statistics/tally.ts";
import { rangeColumns, type BucketRange } from "./bucket-range.ts";

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
  ranges: readonly BucketRange[],
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
    values: rangeColumns(ranges),
  });
  for (const { position, bucket_s: bucketS, cohort, requests, errors, sketch } of rows)
    found[position - 1]?.push({ bucketS, cohort, requests, errors, sketch });
  return found;
};

/** Buckets in rising order, with the requests that took longer than this. */
export const trafficBuckets = (
  parts: readonly TrafficPart[],
  latencyThresholdMs: number,
): TrafficBucket[] => {
  const buckets = new Map<number, TrafficBucket>();
  for (const { bucketS, cohort, requests, errors, sketch } of parts) {
    const slow = countAbove(sketch, latencyThresholdMs);
    const before = buckets.get(bucketS) ?? { bucketS, latency: EMPTY_TALLIES, errors: EMPTY_TALLIES };
    const plus = (tally: Tally, bad: number) => addTallies(tally, { n: requests, s: bad });
    buckets.set(bucketS, {
      bucketS,
      latency: { ...before.latency, [cohort]: plus(before.latency[cohort], slow) },
      errors: { ...before.errors, [cohort]: plus(before.errors[cohort], errors) },
    });
  }
  return [...buckets.values()];
};
