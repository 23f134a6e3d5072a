// One batch of the fold: reads what the log has beyond the checkpoints, and commits its effect on units, counts,
// sketches and the sample together with the new checkpoints in one transaction. A crash before the commit leaves the
// log to be folded again; after it, the checkpoint says so. Nothing is lost and nothing counts twice.
import type { Client } from "../db/pool.ts";
import {
  ACTION,
  FAILED,
  RAW,
  readFeatures,
  readRecords,
  RETURNED,
  TIMED,
  VARIANT_MASK,
  type StoredRecord,
} from "../span-log/block.ts";
import type { LogRow } from "../span-log/read.ts";
import { addToCounts, cohortIndex, makeCountDeltas, type CountedFeature } from "./counts.ts";
import type { Dedupe } from "./dedupe.ts";
import type { Latencies } from "./latency.ts";
import { holdFences, type Owned } from "./ownership.ts";
import { storeRawSpans, type RawSpans } from "./raw-spans.ts";
import { applyEvidence, bucketOf, NO_COHORT, type Unit, type Windows } from "./unit.ts";
import { insertUnits, keyText, readUnits, updateUnits, type ChangedUnit } from "./unit-store.ts";
import type { UnitTable } from "./unit-table.ts";
import { windowsKey } from "./windows.ts";

/** What a fold process remembers between batches. All of it can be had from the database again. */
export type FoldMemory = {
  readonly units: UnitTable;
  readonly dedupe: Dedupe;
  readonly latencies: Latencies;
  readonly raw: RawSpans;
  /** by windowsKey; emptied when the windows change */
  readonly features: Map<string, CountedFeature>;
};

export type BatchReport = { folded: number; duplicates: number; capped: number };

/**
 * Requests of one unit that count as latencies within one bucket. One visitor's script that hammers a page must not
 * decide what the page's latency is; what it does as a unit counts all the same.
 */
const MAX_REQUESTS_PER_UNIT = 100;

type PreparedRow = { row: LogRow; features: CountedFeature[]; from: number; duplicate: Uint8Array };

/** Features of these rows whose windows are not known. */
export const unknownFeatures = (
  rows: readonly LogRow[],
  byKey: ReadonlyMap<string, Windows>,
): { featureId: string; epoch: number }[] => {
  const unknown = new Map<string, { featureId: string; epoch: number }>();
  for (const { block } of rows)
    for (const feature of readFeatures(block).features) {
      const key = windowsKey(feature.featureId, feature.epoch);
      if (!byKey.has(key)) unknown.set(key, feature);
    }
  return [...unknown.values()];
};

const countedFeatures = (
  memory: FoldMemory,
  byKey: ReadonlyMap<string, Windows>,
  named: readonly { featureId: string; epoch: number }[],
): CountedFeature[] =>
  named.map(({ featureId, epoch }) => {
    const key = windowsKey(featureId, epoch);
    let feature = memory.features.get(key);
    if (feature === undefined) {
      const windows = byKey.get(key);
      if (windows === undefined) throw new Error(`no windows for ${featureId}, epoch ${epoch}`);
      feature = { featureId, idBytes: Buffer.from(featureId), epoch, windows };
      memory.features.set(key, feature);
    }
    return feature;
  });

/** First pass: finds duplicates, and what has to be read from the database. */
const prepare = (rows: readonly LogRow[], memory: FoldMemory, byKey: ReadonlyMap<string, Windows>) => {
  const prepared: PreparedRow[] = [];
  const missingKeys: string[] = [];
  const missingSlots: number[] = [];
  const missingBuckets = new Map<CountedFeature, Set<number>>();
  let duplicates = 0;
  memory.units.makeRoom(rows.reduce((sum, { span_keys: keys }) => sum + keys.length / 8, 0));

  const needBucket = (feature: CountedFeature, bucketS: number): void => {
    if (memory.latencies.has(feature, bucketS)) return;
    let buckets = missingBuckets.get(feature);
    if (buckets === undefined) missingBuckets.set(feature, (buckets = new Set()));
    buckets.add(bucketS);
  };

  for (const row of rows) {
    const head = readFeatures(row.block);
    const features = countedFeatures(memory, byKey, head.features);
    const duplicate = new Uint8Array(row.span_keys.length / 8);
    let index = 0;
    readRecords(row.block, row.span_keys, head.end, (record) => {
      const at = index++;
      const identified = record.spanLow !== 0 || record.spanHigh !== 0;
      if (identified && !memory.dedupe.add(record.spanLow, record.spanHigh, row.atMs)) {
        duplicate[at] = 1;
        duplicates++;
        return;
      }
      const feature = features[record.feature];
      if (feature === undefined) throw new Error("a record names a feature that its block does not have");
      if (memory.units.find(record.keyLow, record.keyHigh) < 0) {
        missingSlots.push(memory.units.insert(record.keyLow, record.keyHigh));
        missingKeys.push(keyText(record.keyLow, record.keyHigh));
      }
      if ((record.flags & TIMED) !== 0)
        needBucket(feature, bucketOf(record.startMs, feature.windows.bucketS));
    });
    prepared.push({ row, features, from: head.end, duplicate });
  }
  return { prepared, missingKeys, missingSlots, missingBuckets, duplicates };
};

/** Second pass: applies every record that is no duplicate; returns the units that changed, as they were before. */
const apply = (
  prepared: readonly PreparedRow[],
  memory: FoldMemory,
): { changed: Map<number, ChangedUnit>; capped: number } => {
  let capped = 0;
  const changed = new Map<number, ChangedUnit>();
  const unit: Unit = { cohort: NO_COHORT, exposedMs: Infinity, actedMs: Infinity, returnedMs: Infinity };

  const applyRecord = (record: StoredRecord, block: Buffer, feature: CountedFeature): void => {
    const slot = memory.units.find(record.keyLow, record.keyHigh);
    memory.units.read(slot, unit);
    const { cohort, exposedMs, actedMs, returnedMs } = unit;
    const evidence = {
      variant: record.flags & VARIANT_MASK,
      atMs: record.startMs,
      acted: (record.flags & ACTION) !== 0,
      returned: (record.flags & RETURNED) !== 0,
    };
    if (applyEvidence(unit, evidence, feature.windows.returnAfterS * 1_000)) {
      memory.units.write(slot, unit);
      if (!changed.has(slot))
        changed.set(slot, {
          slot,
          low: record.keyLow,
          high: record.keyHigh,
          feature,
          before: { cohort, exposedMs, actedMs, returnedMs },
          block,
          unitStart: record.unitStart,
          unitEnd: record.unitEnd,
        });
    }
    if ((record.flags & TIMED) !== 0) {
      const bucketS = bucketOf(record.startMs, feature.windows.bucketS);
      if (memory.units.countRequest(slot, bucketS) <= MAX_REQUESTS_PER_UNIT)
        memory.latencies.record(
          feature,
          bucketS,
          cohortIndex(unit.cohort),
          record.durationUs / 1_000,
          (record.flags & FAILED) !== 0,
        );
      else capped++;
    }
    if ((record.flags & RAW) !== 0) memory.raw.add(record, block, feature, unit.cohort);
  };

  for (const { row, features, from, duplicate } of prepared) {
    let index = 0;
    readRecords(row.block, row.span_keys, from, (record) => {
      const feature = features[record.feature];
      if (duplicate[index++] === 0 && feature !== undefined) applyRecord(record, row.block, feature);
    });
  }
  return { changed, capped };
};

const writeUnits = async (
  client: Client,
  memory: FoldMemory,
  changed: ReadonlyMap<number, ChangedUnit>,
): Promise<void> => {
  const deltas = makeCountDeltas();
  const inserts: { changed: ChangedUnit; after: Unit }[] = [];
  const updates: { changed: ChangedUnit; after: Unit }[] = [];
  for (const one of changed.values()) {
    const after: Unit = { cohort: NO_COHORT, exposedMs: Infinity, actedMs: Infinity, returnedMs: Infinity };
    memory.units.read(one.slot, after);
    deltas.move(one.feature, one.before, after);
    (one.before.cohort === NO_COHORT ? inserts : updates).push({ changed: one, after });
  }
  await insertUnits(client, inserts);
  await updateUnits(client, updates);
  await addToCounts(client, deltas);
};

const writeCheckpoints = async (client: Client, rows: readonly LogRow[]): Promise<void> => {
  const last = new Map<string, LogRow>();
  for (const row of rows) {
    const key = `${row.partition}:${row.writer}`;
    if ((last.get(key)?.seq ?? 0) < row.seq) last.set(key, row);
  }
  const heads = [...last.values()];
  await client.query({
    name: "write-checkpoints",
    text: `
      insert into fold_checkpoints (partition, writer, seq)
      select * from unnest($1::smallint[], $2::integer[], $3::bigint[])
      on conflict (partition, writer) do update set seq = excluded.seq`,
    values: [heads.map((row) => row.partition), heads.map((row) => row.writer), heads.map((row) => row.seq)],
  });
};

/**
 * Folds these rows of owned partitions. "windowsChanged" and "lost" come before anything is touched; after a throw the
 * memory is no longer what the database says and must be thrown away.
 */
export const foldBatch = async (options: {
  client: Client;
  memory: FoldMemory;
  owned: Owned;
  windows: { readonly version: number; readonly byKey: ReadonlyMap<string, Windows> };
  rows: readonly LogRow[];
}): Promise<BatchReport | "lost" | "windowsChanged"> => {
  const { client, memory, owned, windows, rows } = options;
  await client.query("begin");
  const hold = await holdFences(client, owned, windows.version);
  if (hold !== "ok") {
    await client.query("rollback");
    return hold;
  }
  const { prepared, missingKeys, missingSlots, missingBuckets, duplicates } = prepare(
    rows,
    memory,
    windows.byKey,
  );
  for (const stored of await readUnits(client, missingKeys)) {
    const slot = missingSlots[stored.asked];
    if (slot !== undefined) memory.units.write(slot, stored);
  }
  // A process writes its latencies into the rows of the lowest partition that it owns.
  const slot = Math.min(...owned.keys());
  await memory.latencies.load(client, slot, missingBuckets);
  const { changed, capped } = apply(prepared, memory);
  await writeUnits(client, memory, changed);
  await memory.latencies.write(client, slot);
  if (memory.raw.count() > 0) await storeRawSpans(client, memory.raw.take());
  await writeCheckpoints(client, rows);
  await client.query("commit");
  memory.latencies.age();
  const records = rows.reduce((sum, { span_keys: keys }) => sum + keys.length / 8, 0);
  return { folded: records - duplicates, duplicates, capped };
};
