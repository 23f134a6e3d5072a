// One batch of the fold: reads what the log has beyond the checkpoints, and commits its effect on units, counts,
// sketches and the sample together with the new checkpoints in one transaction. A crash before the commit leaves the
// log to be folded again; after it, the checkpoint says so. Nothing is lost and nothing counts twice.
import {
  ACTIVATION,
  FAILED,
  RAW,
  readFeatures,
  readRecords,
  RETURNED,
  TIMED,
  VARIANT_MASK,
  type StoredRecord,
} from "../span-log/block.ts";
import type { LogRow } from "../span-log/read-log.ts";
import type { AggregateStore } from "./aggregate-store.ts";
import { cohortIndex, makeCountDeltas, type CountDeltas, type CountedFeature } from "./outcome-counts.ts";
import type { Dedupe } from "./dedupe.ts";
import {
  applyObservation,
  BOT,
  exposureBucketOf,
  NO_COHORT,
  type Unit,
  type OutcomeWindows,
} from "./units/unit.ts";
import type { UnitTable } from "./units/unit-table.ts";
import { windowsKey } from "./outcome-windows.ts";

/** What a fold process remembers between batches. All of it can be had from the database again. */
export type FoldMemory = {
  readonly units: UnitTable;
  readonly dedupe: Dedupe;
  columns: Columns;
  /** by windowsKey; emptied when the windows change */
  readonly features: Map<string, CountedFeature>;
};

export type BatchReport = { folded: number; duplicates: number; capped: number };

/**
 * Requests of one unit that count as latencies within one bucket. One visitor's script that hammers a page must not
 * decide what the page's latency is; what it does as a unit counts all the same.
 */
const MAX_REQUESTS_PER_UNIT = 100;

/** Of a batch, a column each: as objects, a hundred thousand a second, they would be the collector's main work. */
export type Columns = {
  /** slot of each record's unit; −1: a duplicate */
  readonly slots: Int32Array;
  /** units that have to be read, and their slots */
  readonly missing: { count: number; low: Uint32Array; high: Uint32Array; slots: Int32Array };
  /** units that have changed, as they were, and where their ids stand */
  readonly changed: {
    count: number;
    slots: Int32Array;
    features: CountedFeature[];
    cohorts: Uint8Array;
    exposedMs: Float64Array;
    activatedMs: Float64Array;
    returnedMs: Float64Array;
    blocks: Buffer[];
    unitStarts: Int32Array;
    unitEnds: Int32Array;
  };
};

export const makeColumns = (records: number): Columns => ({
  slots: new Int32Array(records),
  missing: {
    count: 0,
    low: new Uint32Array(records),
    high: new Uint32Array(records),
    slots: new Int32Array(records),
  },
  changed: {
    count: 0,
    slots: new Int32Array(records),
    features: [],
    cohorts: new Uint8Array(records),
    exposedMs: new Float64Array(records),
    activatedMs: new Float64Array(records),
    returnedMs: new Float64Array(records),
    blocks: [],
    unitStarts: new Int32Array(records),
    unitEnds: new Int32Array(records),
  },
});

/** Empty ones for a batch, where those of the batch before have been. */
const emptyColumns = (memory: FoldMemory, records: number): Columns => {
  if (memory.columns.slots.length < records) memory.columns = makeColumns(Math.ceil(records * 1.5));
  const { missing, changed } = memory.columns;
  missing.count = 0;
  changed.count = 0;
  changed.features.length = 0;
  changed.blocks.length = 0;
  return memory.columns;
};

type PreparedRow = { row: LogRow; features: CountedFeature[]; from: number };

/** Features of these rows whose windows are not known. */
export const unknownFeatures = (
  rows: readonly LogRow[],
  byKey: ReadonlyMap<string, OutcomeWindows>,
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
  byKey: ReadonlyMap<string, OutcomeWindows>,
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
const prepare = (
  rows: readonly LogRow[],
  store: AggregateStore,
  memory: FoldMemory,
  byKey: ReadonlyMap<string, OutcomeWindows>,
  { slots, missing }: Columns,
) => {
  const prepared: PreparedRow[] = [];
  const missingBuckets = new Map<CountedFeature, Set<number>>();
  let duplicates = 0;
  let at = 0;

  const needBucket = (feature: CountedFeature, bucketS: number): void => {
    if (store.latencies.has(feature, bucketS)) return;
    let buckets = missingBuckets.get(feature);
    if (buckets === undefined) missingBuckets.set(feature, (buckets = new Set()));
    buckets.add(bucketS);
  };

  for (const row of rows) {
    const head = readFeatures(row.block);
    const features = countedFeatures(memory, byKey, head.features);
    readRecords(row.block, row.spanKeys, head.end, (record) => {
      const here = at++;
      const identified = record.spanLow !== 0 || record.spanHigh !== 0;
      if (identified && !memory.dedupe.add(record.spanLow, record.spanHigh, row.atMs)) {
        slots[here] = -1;
        duplicates++;
        return;
      }
      const feature = features[record.feature];
      if (feature === undefined) throw new Error("a record names a feature that its block does not have");
      let slot = memory.units.find(record.keyLow, record.keyHigh);
      if (slot < 0) {
        slot = memory.units.insert(record.keyLow, record.keyHigh);
        missing.low[missing.count] = record.keyLow;
        missing.high[missing.count] = record.keyHigh;
        missing.slots[missing.count++] = slot;
      }
      slots[here] = slot;
      if ((record.flags & TIMED) !== 0)
        needBucket(feature, exposureBucketOf(record.startMs, feature.windows.bucketS));
    });
    prepared.push({ row, features, from: head.end });
  }
  return { prepared, missingBuckets, duplicates };
};

const noUnit = (): Unit => ({
  cohort: NO_COHORT,
  exposedMs: Infinity,
  activatedMs: Infinity,
  returnedMs: Infinity,
});

/** Second pass: applies every record that is no duplicate; notes the units that change. Returns how many were capped. */
const apply = (
  prepared: readonly PreparedRow[],
  store: AggregateStore,
  memory: FoldMemory,
  { slots, changed }: Columns,
): number => {
  let capped = 0;
  const unit = noUnit();
  const evidence = { variant: 0, atMs: 0, activated: false, returned: false };

  const applyRecord = (record: StoredRecord, slot: number, block: Buffer, feature: CountedFeature): void => {
    memory.units.read(slot, unit);
    const { cohort, exposedMs, activatedMs, returnedMs } = unit;
    evidence.variant = record.flags & VARIANT_MASK;
    evidence.atMs = record.startMs;
    evidence.activated = (record.flags & ACTIVATION) !== 0;
    evidence.returned = (record.flags & RETURNED) !== 0;
    if (applyObservation(unit, evidence, feature.windows.returnAfterS * 1_000)) {
      memory.units.write(slot, unit);
      if (memory.units.markChanged(slot)) {
        const at = changed.count++;
        changed.slots[at] = slot;
        changed.features.push(feature);
        changed.cohorts[at] = cohort;
        changed.exposedMs[at] = exposedMs;
        changed.activatedMs[at] = activatedMs;
        changed.returnedMs[at] = returnedMs;
        changed.blocks.push(block);
        changed.unitStarts[at] = record.unitStart;
        changed.unitEnds[at] = record.unitEnd;
      }
    }
    if (unit.cohort === BOT) return;
    if ((record.flags & TIMED) !== 0) {
      const bucketS = exposureBucketOf(record.startMs, feature.windows.bucketS);
      if (memory.units.countRequest(slot, bucketS) <= MAX_REQUESTS_PER_UNIT)
        store.latencies.record(
          feature,
          bucketS,
          cohortIndex(unit.cohort),
          record.durationUs / 1_000,
          (record.flags & FAILED) !== 0,
        );
      else capped++;
    }
    if ((record.flags & RAW) !== 0) store.raw.add(record, block, feature, unit.cohort);
  };

  let at = 0;
  for (const { row, features, from } of prepared)
    readRecords(row.block, row.spanKeys, from, (record) => {
      const slot = slots[at++] ?? -1;
      const feature = features[record.feature];
      if (slot >= 0 && feature !== undefined) applyRecord(record, slot, row.block, feature);
    });
  return capped;
};

/** Hands what the batch changes to the store; returns the changes of counts. */
const addUnits = (store: AggregateStore, memory: FoldMemory, { changed }: Columns): CountDeltas => {
  const deltas = makeCountDeltas();
  const before = noUnit();
  const after = noUnit();
  for (let at = 0; at < changed.count; at++) {
    const slot = changed.slots[at] ?? 0;
    const feature = changed.features[at];
    const block = changed.blocks[at];
    if (feature === undefined || block === undefined) throw new Error("unreachable: a column is short");
    before.cohort = changed.cohorts[at] ?? NO_COHORT;
    before.exposedMs = changed.exposedMs[at] ?? Infinity;
    before.activatedMs = changed.activatedMs[at] ?? Infinity;
    before.returnedMs = changed.returnedMs[at] ?? Infinity;
    memory.units.read(slot, after);
    deltas.move(feature, before, after);
    store.units.add(memory.units.low(slot), memory.units.high(slot), after, feature, {
      bytes: block,
      start: changed.unitStarts[at] ?? 0,
      end: changed.unitEnds[at] ?? 0,
    });
    memory.units.markStored(slot);
  }
  return deltas;
};

/** Adds what another row says of the unit. */
const mergeUnit = (into: Unit, stored: Unit): void => {
  into.cohort = into.cohort === NO_COHORT ? stored.cohort : Math.max(into.cohort, stored.cohort);
  into.exposedMs = Math.min(into.exposedMs, stored.exposedMs);
  into.activatedMs = Math.min(into.activatedMs, stored.activatedMs);
  into.returnedMs = Math.min(into.returnedMs, stored.returnedMs);
};

const loadUnits = async (store: AggregateStore, memory: FoldMemory, { missing }: Columns): Promise<void> => {
  const unit = noUnit();
  await store.readUnits(missing, (asked, stored) => {
    const slot = missing.slots[asked] ?? -1;
    memory.units.read(slot, unit);
    mergeUnit(unit, stored);
    memory.units.write(slot, unit);
  });
};

/**
 * Folds these rows of owned partitions. "windowsChanged" and "lost" come before anything is touched; after a throw the
 * memory is no longer what the database says and must be thrown away.
 */
export const foldBatch = async (options: {
  store: AggregateStore;
  memory: FoldMemory;
  windows: { readonly version: number; readonly byKey: ReadonlyMap<string, OutcomeWindows> };
  rows: readonly LogRow[];
}): Promise<BatchReport | "lost" | "windowsChanged"> => {
  const { store, memory, windows, rows } = options;
  const records = rows.reduce((sum, { spanKeys }) => sum + spanKeys.length / 8, 0);
  if (memory.units.makeRoom(records)) await store.settleUnits();
  const begun = await store.begin(windows.version);
  if (begun !== "ok") return begun;
  const columns = emptyColumns(memory, records);
  const { prepared, missingBuckets, duplicates } = prepare(rows, store, memory, windows.byKey, columns);
  await loadUnits(store, memory, columns);
  await store.readLatencies(missingBuckets);
  const capped = apply(prepared, store, memory, columns);
  await store.commit(addUnits(store, memory, columns), rows);
  return { folded: records - duplicates, duplicates, capped };
};
