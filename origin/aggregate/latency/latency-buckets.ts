// Latency and error counts of the buckets that are being filled, kept in memory by the process that owns their partition
// and written whole: a sketch cannot be added to in SQL.
import type { Client } from "../../db/pool.ts";
import {
  emptySketch,
  mergeEncoded,
  recordLatency,
  type Sketch,
} from "../../../shared/telemetry/latency-sketch.ts";
import { MOST_PARTITIONS } from "../../../shared/telemetry/partition-numbers.ts";
import type { CountedFeature } from "../outcome-counts.ts";
import {
  readLatencyRows,
  writeLatencyRows,
  type LatencyBucketKey,
  type LatencyRow,
} from "./latency-table.ts";

/**
 * The requests of one cohort and kind in one bucket. `usedAt`: number of the batch that added the last of them. Sketches
 * are made with their first latency.
 */
type Requests = {
  sketch: Sketch | null;
  unfinishedSketch: Sketch | null;
  requests: number;
  errors: number;
  unfinished: number;
  dirty: boolean;
  usedAt: number;
};
type RequestsByFeature = Map<CountedFeature, Map<number, Requests>>;

/** Buckets stay in memory this many batches after their last request. */
const KEEP_BATCHES = 20;
/** 4 KB each, at most 8 where some of the requests are unfinished. */
const MAX_ENTRIES = 20_000;

/** More than any number of a partition. */
const PARTITION_NUMBERS = 2 * MOST_PARTITIONS;

/** The bucket of a partition, as one number. */
export const bucketKeyOf = (partition: number, bucketS: number): number =>
  bucketS * PARTITION_NUMBERS + partition;
/** A kind of request and a cohort in it, as one number. */
const keyOf = (bucketKey: number, kind: 0 | 1, cohort: 0 | 1): number => bucketKey * 4 + kind * 2 + cohort;
const bucketKeyOfKey = (key: number): number => Math.floor(key / 4);
const bucketOf = (feature: CountedFeature, bucketKey: number): LatencyBucketKey => ({
  partition: bucketKey % PARTITION_NUMBERS,
  feature,
  bucketS: Math.floor(bucketKey / PARTITION_NUMBERS),
});
const kindOfKey = (key: number): 0 | 1 => (key % 4 < 2 ? 0 : 1);
const cohortOfKey = (key: number): 0 | 1 => (key % 2 === 0 ? 0 : 1);
const PARTS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** A request that somebody waited for. Of one that failed the duration says nothing: it may have failed fast. */
export type WaitedRequest = {
  /** position among REQUEST_KINDS */
  readonly kind: 0 | 1;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly unfinished: boolean;
};

const emptyRequests = (batch: number): Requests => ({
  sketch: null,
  unfinishedSketch: null,
  requests: 0,
  errors: 0,
  unfinished: 0,
  dirty: false,
  usedAt: batch,
});

export const makeLatencyBuckets = () => {
  let byFeature: RequestsByFeature = new Map();
  let batch = 0;

  const requestsOf = (feature: CountedFeature, bucketKey: number, kind: 0 | 1, cohort: 0 | 1): Requests => {
    let entries = byFeature.get(feature);
    if (entries === undefined) byFeature.set(feature, (entries = new Map()));
    const key = keyOf(bucketKey, kind, cohort);
    let entry = entries.get(key);
    if (entry === undefined) entries.set(key, (entry = emptyRequests(batch)));
    return entry;
  };

  return {
    /** Whether the stored requests of the bucket are in memory. Buckets are named by `bucketKeyOf`. */
    has: (feature: CountedFeature, bucketKey: number): boolean =>
      byFeature.get(feature)?.has(keyOf(bucketKey, 0, 0)) === true,

    /** Reads the stored requests of buckets that are not in memory. */
    load: async (
      client: Client,
      missing: ReadonlyMap<CountedFeature, ReadonlySet<number>>,
    ): Promise<void> => {
      const buckets: LatencyBucketKey[] = [];
      for (const [feature, keys] of missing) for (const key of keys) buckets.push(bucketOf(feature, key));
      if (buckets.length === 0) return;
      const rows = await readLatencyRows(client, buckets);
      for (const [feature, keys] of missing)
        for (const key of keys) for (const [kind, cohort] of PARTS) requestsOf(feature, key, kind, cohort);
      for (const { partition, feature, bucketS, kind, cohort, ...stored } of rows) {
        const entry = requestsOf(feature, bucketKeyOf(partition, bucketS), kind, cohort);
        mergeEncoded((entry.sketch ??= emptySketch()), stored.sketch);
        if (stored.unfinishedSketch !== null)
          mergeEncoded((entry.unfinishedSketch ??= emptySketch()), stored.unfinishedSketch);
        entry.requests += stored.requests;
        entry.errors += stored.errors;
        entry.unfinished += stored.unfinished;
      }
    },

    record: (
      feature: CountedFeature,
      bucketKey: number,
      cohort: 0 | 1,
      { kind, durationMs, failed, unfinished }: WaitedRequest,
    ): void => {
      const entry = requestsOf(feature, bucketKey, kind, cohort);
      entry.requests++;
      if (failed) entry.errors++;
      else if (unfinished) {
        entry.unfinished++;
        recordLatency((entry.unfinishedSketch ??= emptySketch()), durationMs);
      } else recordLatency((entry.sketch ??= emptySketch()), durationMs);
      entry.dirty = true;
      entry.usedAt = batch;
    },

    /** Writes the buckets that the batch has changed; in its transaction. */
    write: async (client: Client): Promise<void> => {
      const rows: LatencyRow[] = [];
      for (const [feature, entries] of byFeature) {
        for (const [key, entry] of entries) {
          if (!entry.dirty) continue;
          const [kind, cohort] = [kindOfKey(key), cohortOfKey(key)];
          rows.push({ ...bucketOf(feature, bucketKeyOfKey(key)), kind, cohort, ...entry });
          entry.dirty = false;
        }
      }
      await writeLatencyRows(client, rows);
    },

    /** When rows of other processes may have to be read: nothing may be dirty. */
    forget: (): void => {
      byFeature = new Map();
    },

    /** After a commit: forgets buckets that have got no request lately. */
    age: (): void => {
      batch++;
      let total = 0;
      for (const entries of byFeature.values()) total += entries.size;
      const keep = total > MAX_ENTRIES ? 1 : KEEP_BATCHES;
      const kept: RequestsByFeature = new Map();
      for (const [feature, entries] of byFeature) {
        // All parts of a bucket go together: `has` looks at one of them.
        for (const key of entries.keys()) {
          const bucketKey = bucketKeyOfKey(key);
          const usedAt = Math.max(
            ...PARTS.map(([kind, cohort]) => entries.get(keyOf(bucketKey, kind, cohort))?.usedAt ?? 0),
          );
          if (usedAt < batch - keep) entries.delete(key);
        }
        if (entries.size > 0) kept.set(feature, entries);
      }
      byFeature = kept;
    },
  };
};
export type LatencyBuckets = ReturnType<typeof makeLatencyBuckets>;
