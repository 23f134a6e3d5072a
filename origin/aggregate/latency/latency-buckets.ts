// Latency and error counts of the buckets that are being filled, kept in memory by the process that owns their rows
// and written whole: a sketch cannot be added to in SQL.
import type { Client } from "../../db/pool.ts";
import { COHORT_NAMES, type CountedFeature } from "../outcome-counts.ts";
import {
  emptySketch,
  encodeSketch,
  mergeEncoded,
  recordLatency,
  type Sketch,
} from "../../../shared/telemetry/latency-sketch.ts";

type Cell = { sketch: Sketch; requests: number; errors: number; dirty: boolean; usedAt: number };
type Cells = Map<CountedFeature, Map<number, Cell>>;

/** Cells stay this many batches after their last request. */
const KEEP_BATCHES = 20;
/** 4 KB each. */
const MAX_CELLS = 20_000;

const keyOf = (bucketS: number, cohort: 0 | 1): number => bucketS * 2 + cohort;

export const makeLatencyBuckets = () => {
  let cells: Cells = new Map();
  let batch = 0;

  const cellOf = (feature: CountedFeature, bucketS: number, cohort: 0 | 1): Cell => {
    let ofFeature = cells.get(feature);
    if (ofFeature === undefined) cells.set(feature, (ofFeature = new Map()));
    const key = keyOf(bucketS, cohort);
    let cell = ofFeature.get(key);
    if (cell === undefined) {
      cell = { sketch: emptySketch(), requests: 0, errors: 0, dirty: false, usedAt: batch };
      ofFeature.set(key, cell);
    }
    return cell;
  };

  return {
    /** Whether what is stored for the bucket is in memory. */
    has: (feature: CountedFeature, bucketS: number): boolean =>
      cells.get(feature)?.has(keyOf(bucketS, 0)) === true,

    /** Reads what is stored for buckets that are not in memory. */
    load: async (
      client: Client,
      slot: number,
      wanted: ReadonlyMap<CountedFeature, ReadonlySet<number>>,
    ): Promise<void> => {
      const asked: { feature: CountedFeature; bucketS: number }[] = [];
      for (const [feature, buckets] of wanted)
        for (const bucketS of buckets) asked.push({ feature, bucketS });
      if (asked.length === 0) return;
      const { rows } = await client.query<{
        asked: number;
        cohort: string;
        requests: number;
        errors: number;
        sketch: Buffer;
      }>({
        name: "load-latencies",
        text: `
          select a.asked - 1 as asked, s.cohort, s.requests, s.errors, s.sketch
          from unnest($2::text[], $3::integer[], $4::bigint[]) with ordinality as a(feature_id, epoch, bucket_s, asked)
          join latency_sketches s using (feature_id, epoch, bucket_s)
          where s.partition = $1`,
        values: [
          slot,
          asked.map(({ feature }) => feature.featureId),
          asked.map(({ feature }) => feature.epoch),
          asked.map(({ bucketS }) => bucketS),
        ],
      });
      for (const { feature, bucketS } of asked) {
        cellOf(feature, bucketS, 0);
        cellOf(feature, bucketS, 1);
      }
      for (const row of rows) {
        const of = asked[row.asked];
        if (of === undefined) continue;
        const cell = cellOf(of.feature, of.bucketS, row.cohort === COHORT_NAMES[0] ? 0 : 1);
        mergeEncoded(cell.sketch, row.sketch);
        cell.requests += row.requests;
        cell.errors += row.errors;
      }
    },

    record: (
      feature: CountedFeature,
      bucketS: number,
      cohort: 0 | 1,
      latencyMs: number,
      failed: boolean,
    ): void => {
      const cell = cellOf(feature, bucketS, cohort);
      recordLatency(cell.sketch, latencyMs);
      cell.requests++;
      if (failed) cell.errors++;
      cell.dirty = true;
      cell.usedAt = batch;
    },

    /** Writes what the batch has changed; in its transaction. */
    write: async (client: Client, slot: number): Promise<void> => {
      const columns = {
        features: [] as string[],
        epochs: [] as number[],
        cohorts: [] as string[],
        buckets: [] as number[],
        requests: [] as number[],
        errors: [] as number[],
        sketches: [] as string[],
      };
      for (const [{ featureId, epoch }, ofFeature] of cells) {
        for (const [key, cell] of ofFeature) {
          if (!cell.dirty) continue;
          columns.features.push(featureId);
          columns.epochs.push(epoch);
          columns.cohorts.push(COHORT_NAMES[key % 2 === 0 ? 0 : 1]);
          columns.buckets.push(Math.floor(key / 2));
          columns.requests.push(cell.requests);
          columns.errors.push(cell.errors);
          columns.sketches.push(Buffer.from(encodeSketch(cell.sketch)).toString("base64"));
          cell.dirty = false;
        }
      }
      if (columns.features.length === 0) return;
      await client.query({
        name: "write-latencies",
        text: `
          insert into latency_sketches (feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch)
          select d.feature_id, d.epoch, d.cohort, d.bucket_s, $1, d.requests, d.errors, decode(d.sketch, 'base64')
          from unnest($2::text[], $3::integer[], $4::text[], $5::bigint[], $6::integer[], $7::integer[], $8::text[])
            as d(feature_id, epoch, cohort, bucket_s, requests, errors, sketch)
          on conflict (feature_id, epoch, bucket_s, cohort, partition)
          do update set requests = excluded.requests, errors = excluded.errors, sketch = excluded.sketch`,
        values: [slot, ...Object.values(columns)],
      });
    },

    /** When what others wrote may have to be read: nothing may be dirty. */
    forget: (): void => {
      cells = new Map();
    },

    /** After a commit: forgets buckets that nothing has come in for lately. */
    age: (): void => {
      batch++;
      let total = 0;
      for (const ofFeature of cells.values()) total += ofFeature.size;
      const keep = total > MAX_CELLS ? 1 : KEEP_BATCHES;
      const kept: Cells = new Map();
      for (const [feature, ofFeature] of cells) {
        // Both cohorts of a bucket go together: `has` looks at one of them.
        for (const key of ofFeature.keys()) {
          const bucketS = Math.floor(key / 2);
          const usedAt = Math.max(
            ofFeature.get(keyOf(bucketS, 0))?.usedAt ?? 0,
            ofFeature.get(keyOf(bucketS, 1))?.usedAt ?? 0,
          );
          if (usedAt < batch - keep) ofFeature.delete(key);
        }
        if (ofFeature.size > 0) kept.set(feature, ofFeature);
      }
      cells = kept;
    },
  };
};
export type LatencyBuckets = ReturnType<typeof makeLatencyBuckets>;
