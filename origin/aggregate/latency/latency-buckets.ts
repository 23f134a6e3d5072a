// Latency and error counts of the buckets that are being filled, kept in memory by the process that owns their rows
// and written whole: a sketch cannot be added to in SQL.
import type { Client } from "../../db/pool.ts";
import {
  emptySketch,
  mergeEncoded,
  recordLatency,
  type Sketch,
} from "../../../shared/telemetry/latency-sketch.ts";
import type { CountedFeature } from "../outcome-counts.ts";
import {
  readLatencyRows,
  writeLatencyRows,
  type LatencyBucketKey,
  type LatencyRow,
} from "./latency-table.ts";

/** The requests of one cohort in one bucket. `usedAt`: number of the batch that added the last of them. */
type Requests = { sketch: Sketch; requests: number; errors: number; dirty: boolean; usedAt: number };
type RequestsByFeature = Map<CountedFeature, Map<number, Requests>>;

/** Buckets stay in memory this many batches after their last request. */
const KEEP_BATCHES = 20;
/** 4 KB each. */
const MAX_ENTRIES = 20_000;

/** A bucket and a cohort as one number. */
const keyOf = (bucketS: number, cohort: 0 | 1): number => bucketS * 2 + cohort;
const bucketOfKey = (key: number): number => Math.floor(key / 2);
const cohortOfKey = (key: number): 0 | 1 => (key % 2 === 0 ? 0 : 1);

export const makeLatencyBuckets = () => {
  let byFeature: RequestsByFeature = new Map();
  let batch = 0;

  const requestsOf = (feature: CountedFeature, bucketS: number, cohort: 0 | 1): Requests => {
    let entries = byFeature.get(feature);
    if (entries === undefined) byFeature.set(feature, (entries = new Map()));
    const key = keyOf(bucketS, cohort);
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = { sketch: emptySketch(), requests: 0, errors: 0, dirty: false, usedAt: batch };
      entries.set(key, entry);
    }
    return entry;
  };

  return {
    /** Whether the stored requests of the bucket are in memory. */
    has: (feature: CountedFeature, bucketS: number): boolean =>
      byFeature.get(feature)?.has(keyOf(bucketS, 0)) === true,

    /** Reads the stored requests of buckets that are not in memory. */
    load: async (
      client: Client,
      partition: number,
      missing: ReadonlyMap<CountedFeature, ReadonlySet<number>>,
    ): Promise<void> => {
      const keys: LatencyBucketKey[] = [];
      for (const [feature, buckets] of missing)
        for (const bucketS of buckets) keys.push({ feature, bucketS });
      if (keys.length === 0) return;
      const rows = await readLatencyRows(client, partition, keys);
      for (const { feature, bucketS } of keys) {
        requestsOf(feature, bucketS, 0);
        requestsOf(feature, bucketS, 1);
      }
      for (const { feature, bucketS, cohort, requests, errors, sketch } of rows) {
        const entry = requestsOf(feature, bucketS, cohort);
        mergeEncoded(entry.sketch, sketch);
        entry.requests += requests;
        entry.errors += errors;
      }
    },

    record: (
      feature: CountedFeature,
      bucketS: number,
      cohort: 0 | 1,
      latencyMs: number,
      failed: boolean,
    ): void => {
      const entry = requestsOf(feature, bucketS, cohort);
      recordLatency(entry.sketch, latencyMs);
      entry.requests++;
      if (failed) entry.errors++;
      entry.dirty = true;
      entry.usedAt = batch;
    },

    /** Writes the buckets that the batch has changed; in its transaction. */
    write: async (client: Client, partition: number): Promise<void> => {
      const rows: LatencyRow[] = [];
      for (const [feature, entries] of byFeature) {
        for (const [key, entry] of entries) {
          if (!entry.dirty) continue;
          rows.push({ feature, bucketS: bucketOfKey(key), cohort: cohortOfKey(key), ...entry });
          entry.dirty = false;
        }
      }
      await writeLatencyRows(client, partition, rows);
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
        // Both cohorts of a bucket go together: `has` looks at one of them.
        for (const key of entries.keys()) {
          const bucketS = bucketOfKey(key);
          const usedAt = Math.max(
            entries.get(keyOf(bucketS, 0))?.usedAt ?? 0,
            entries.get(keyOf(bucketS, 1))?.usedAt ?? 0,
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
