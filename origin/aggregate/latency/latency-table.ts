// The table latency_sketches: requests, errors and latencies of each feature, epoch, cohort, bucket and kind of request. A
// partition has rows of its own where counts are kept by partition; elsewhere a process has all of its in those of the lowest
// that it owns. Either way only the owner of a partition writes its rows.
import type { Client } from "../../db/pool.ts";
import { emptySketch, encodeSketch, type Sketch } from "../../../shared/telemetry/latency-sketch.ts";
import { documentsOf } from "../../../shared/telemetry/partition-numbers.ts";
import { COHORT_NAMES, type CountedFeature } from "../outcome-counts.ts";

/** What a browser loads a page by, and what a script waits for. */
export const REQUEST_KINDS = ["fetch", "document"] as const;

/** The requests of one cohort and kind in one bucket. All requests are finished, or failed, or unfinished. */
export type LatencyRow = {
  readonly partition: number;
  readonly feature: CountedFeature;
  readonly bucketS: number;
  readonly cohort: 0 | 1;
  /** position among REQUEST_KINDS */
  readonly kind: 0 | 1;
  readonly requests: number;
  readonly errors: number;
  readonly unfinished: number;
  /** durations of finished requests */
  readonly sketch: Sketch | null;
  /** how long unfinished ones were waited for */
  readonly unfinishedSketch: Sketch | null;
};

export type StoredLatencyRow = Omit<LatencyRow, "sketch" | "unfinishedSketch"> & {
  readonly sketch: Uint8Array;
  readonly unfinishedSketch: Uint8Array | null;
};

const encoded = (sketch: Sketch): string => Buffer.from(encodeSketch(sketch)).toString("base64");
const NO_REQUESTS = encoded(emptySketch());

export type LatencyBucketKey = Pick<LatencyRow, "partition" | "feature" | "bucketS">;

export const readLatencyRows = async (
  client: Client,
  keys: readonly LatencyBucketKey[],
): Promise<StoredLatencyRow[]> => {
  const { rows } = await client.query<{
    position: number;
    cohort: string;
    kind: string;
    requests: number;
    errors: number;
    unfinished: number;
    sketch: Buffer;
    unfinishedSketch: Buffer | null;
  }>({
    name: "read-latencies",
    text: `
      select k.position - 1 as position, s.cohort, s.kind, s.requests, s.errors, s.unfinished, s.sketch,
        s.unfinished_sketch as "unfinishedSketch"
      from unnest($1::text[], $2::integer[], $3::bigint[], $4::smallint[], $5::smallint[])
        with ordinality as k(feature_id, epoch, bucket_s, fetches, documents, position)
      join latency_sketches s using (feature_id, epoch, bucket_s)
      where s.partition in (k.fetches, k.documents)`,
    values: [
      keys.map(({ feature }) => feature.featureId),
      keys.map(({ feature }) => feature.epoch),
      keys.map(({ bucketS }) => bucketS),
      keys.map(({ partition }) => partition),
      keys.map(({ partition }) => documentsOf(partition)),
    ],
  });
  return rows.flatMap(({ position, cohort, kind, ...row }) => {
    const key = keys[position];
    if (key === undefined) return [];
    return [
      { ...key, ...row, cohort: cohort === COHORT_NAMES[0] ? 0 : 1, kind: kind === REQUEST_KINDS[0] ? 0 : 1 },
    ];
  });
};

/** Replaces whole rows. */
export const writeLatencyRows = async (client: Client, rows: readonly LatencyRow[]): Promise<void> => {
  if (rows.length === 0) return;
  await client.query({
    name: "write-latencies",
    text: `
      insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, kind, requests, errors, unfinished, sketch,
        unfinished_sketch)
      select d.feature_id, d.epoch, d.cohort, d.bucket_s, d.partition, d.kind, d.requests, d.errors, d.unfinished,
        decode(d.sketch, 'base64'), decode(d.unfinished_sketch, 'base64')
      from unnest($1::smallint[], $2::text[], $3::integer[], $4::text[], $5::bigint[], $6::integer[], $7::integer[], $8::text[],
        $9::text[], $10::integer[], $11::text[])
        as d(partition, feature_id, epoch, cohort, bucket_s, requests, errors, sketch, kind, unfinished, unfinished_sketch)
      on conflict (feature_id, epoch, bucket_s, cohort, partition)
      do update set requests = excluded.requests, errors = excluded.errors, unfinished = excluded.unfinished,
        sketch = excluded.sketch, unfinished_sketch = excluded.unfinished_sketch`,
    values: [
      rows.map(({ kind, partition }) => (kind === 0 ? partition : documentsOf(partition))),
      rows.map(({ feature }) => feature.featureId),
      rows.map(({ feature }) => feature.epoch),
      rows.map(({ cohort }) => COHORT_NAMES[cohort]),
      rows.map(({ bucketS }) => bucketS),
      rows.map(({ requests }) => requests),
      rows.map(({ errors }) => errors),
      rows.map(({ sketch }) => (sketch === null ? NO_REQUESTS : encoded(sketch))),
      rows.map(({ kind }) => REQUEST_KINDS[kind]),
      rows.map(({ unfinished }) => unfinished),
      rows.map(({ unfinishedSketch }) => (unfinishedSketch === null ? null : encoded(unfinishedSketch))),
    ],
  });
};
