// The table latency_sketches: requests, errors and latencies of each feature, epoch, cohort and bucket. A process has rows
// of its own, told apart by `partition`.
import type { Client } from "../../db/pool.ts";
import { encodeSketch, type Sketch } from "../../../shared/telemetry/latency-sketch.ts";
import { COHORT_NAMES, type CountedFeature } from "../outcome-counts.ts";

/** The requests of one cohort in one bucket. */
export type LatencyRow = {
  readonly feature: CountedFeature;
  readonly bucketS: number;
  readonly cohort: 0 | 1;
  readonly requests: number;
  readonly errors: number;
  readonly sketch: Sketch;
};

export type StoredLatencyRow = Omit<LatencyRow, "sketch"> & { readonly sketch: Uint8Array };

export type LatencyBucketKey = { readonly feature: CountedFeature; readonly bucketS: number };

export const readLatencyRows = async (
  client: Client,
  partition: number,
  keys: readonly LatencyBucketKey[],
): Promise<StoredLatencyRow[]> => {
  const { rows } = await client.query<{
    position: number;
    cohort: string;
    requests: number;
    errors: number;
    sketch: Buffer;
  }>({
    name: "read-latencies",
    text: `
      select k.position - 1 as position, s.cohort, s.requests, s.errors, s.sketch
      from unnest($2::text[], $3::integer[], $4::bigint[]) with ordinality as k(feature_id, epoch, bucket_s, position)
      join latency_sketches s using (feature_id, epoch, bucket_s)
      where s.partition = $1`,
    values: [
      partition,
      keys.map(({ feature }) => feature.featureId),
      keys.map(({ feature }) => feature.epoch),
      keys.map(({ bucketS }) => bucketS),
    ],
  });
  return rows.flatMap(({ position, cohort, ...row }) => {
    const key = keys[position];
    return key === undefined ? [] : [{ ...key, ...row, cohort: cohort === COHORT_NAMES[0] ? 0 : 1 }];
  });
};

/** Replaces whole rows. */
export const writeLatencyRows = async (
  client: Client,
  partition: number,
  rows: readonly LatencyRow[],
): Promise<void> => {
  if (rows.length === 0) return;
  await client.query({
    name: "write-latencies",
    text: `
      insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
      select d.feature_id, d.epoch, d.cohort, d.bucket_s, $1, d.requests, d.errors, decode(d.sketch, 'base64')
      from unnest($2::text[], $3::integer[], $4::text[], $5::bigint[], $6::integer[], $7::integer[], $8::text[])
        as d(feature_id, epoch, cohort, bucket_s, requests, errors, sketch)
      on conflict (feature_id, epoch, bucket_s, cohort, partition)
      do update set requests = excluded.requests, errors = excluded.errors, sketch = excluded.sketch`,
    values: [
      partition,
      rows.map(({ feature }) => feature.featureId),
      rows.map(({ feature }) => feature.epoch),
      rows.map(({ cohort }) => COHORT_NAMES[cohort]),
      rows.map(({ bucketS }) => bucketS),
      rows.map(({ requests }) => requests),
      rows.map(({ errors }) => errors),
      rows.map(({ sketch }) => Buffer.from(encodeSketch(sketch)).toString("base64")),
    ],
  });
};
