// One batch of the fold: commits the effect of rows of the log on units, counts, sketches and the sample together with the
// new checkpoints in one transaction. After a crash before the commit the rows are folded again; after it, the checkpoint
// says that they are folded. Nothing is lost and nothing counts twice.
import { readFeatures, recordCount } from "../../span-log/read-block.ts";
import type { LogRow } from "../../span-log/span-log.ts";
import { countByPartition, partitionOf } from "../../../shared/telemetry/partition-numbers.ts";
import type { AggregateStore } from "../aggregate-store.ts";
import { ALL_PARTITIONS, makeCountDeltas, type CountDeltas } from "../outcome-counts.ts";
import { windowsKey, type WindowsByKey } from "../outcome-windows.ts";
import type { StoredWindows } from "../sync-windows.ts";
import { mergeUnit, NO_COHORT, unknownUnit } from "../units/unit.ts";
import type { UnitTable } from "../units/unit-table.ts";
import { applyRecords } from "./apply-records.ts";
import { emptyColumns, type BatchColumns } from "./batch-columns.ts";
import { quarantineKey } from "../set-aside/quarantine.ts";
import { findUnits, type Aside } from "./find-units.ts";
import type { FoldMemory } from "./fold-memory.ts";

export type BatchReport = {
  folded: number;
  duplicates: number;
  capped: number;
  unsampled: number;
  setAside: number;
};

export type NamedFeature = { readonly featureId: string; readonly epoch: number };

/** The features of these rows that are not set aside. */
export const featuresOf = (rows: readonly LogRow[], aside: Aside): NamedFeature[] => {
  const found = new Map<string, NamedFeature>();
  for (const row of rows) {
    if (aside.rows.has(row)) continue;
    for (const feature of readFeatures(row.block).features)
      if (!aside.features.has(quarantineKey({ ...feature, partition: row.partition })))
        found.set(windowsKey(feature.featureId, feature.epoch), feature);
  }
  return [...found.values()];
};

/** Those of them whose windows are not known. */
export const unknownFeatures = (rows: readonly LogRow[], aside: Aside, byKey: WindowsByKey): NamedFeature[] =>
  featuresOf(rows, aside).filter(({ featureId, epoch }) => !byKey.has(windowsKey(featureId, epoch)));

/** Brings the units that are not in memory into their slots. */
const loadMissing = async (
  store: AggregateStore,
  units: UnitTable,
  { missing }: BatchColumns,
): Promise<void> => {
  const unit = unknownUnit();
  await store.readUnits(missing, (index, stored) => {
    const slot = missing.slots[index] ?? -1;
    units.read(slot, unit);
    mergeUnit(unit, stored);
    units.write(slot, unit);
  });
};

/** Hands the changed units to the store; returns the changes of counts. */
const storeChanges = (
  store: AggregateStore,
  units: UnitTable,
  { changed }: BatchColumns,
  /** how many partitions there are; null: they are counted together */
  partitions: number | null,
): CountDeltas => {
  const deltas = makeCountDeltas();
  const before = unknownUnit();
  const after = unknownUnit();
  for (let at = 0; at < changed.count; at++) {
    const slot = changed.slots[at] ?? 0;
    const feature = changed.features[at];
    const block = changed.blocks[at];
    if (feature === undefined || block === undefined) throw new Error("unreachable: a column is short");
    before.cohort = changed.cohorts[at] ?? NO_COHORT;
    before.exposedMs = changed.exposedMs[at] ?? Infinity;
    before.activatedMs = changed.activatedMs[at] ?? Infinity;
    before.returnedMs = changed.returnedMs[at] ?? Infinity;
    units.read(slot, after);
    const low = units.low(slot);
    deltas.move(partitions === null ? ALL_PARTITIONS : partitionOf(low, partitions), feature, before, after);
    store.units.add(low, units.high(slot), after, feature, {
      bytes: block,
      start: changed.unitStarts[at] ?? 0,
      end: changed.unitEnds[at] ?? 0,
    });
    units.markStored(slot);
  }
  return deltas;
};

/**
 * Folds these rows of owned partitions. "windowsChanged" and "lost" come before anything is touched; after a throw the
 * memory differs from the database and must be thrown away.
 */
export const foldBatch = async (options: {
  store: AggregateStore;
  memory: FoldMemory;
  windows: Pick<StoredWindows, "version" | "byKey" | "byPartition">;
  rows: readonly LogRow[];
  aside: Aside;
}): Promise<BatchReport | "lost" | "windowsChanged"> => {
  const { store, memory, windows, rows, aside } = options;
  const { units } = memory;
  const records = rows.reduce((sum, row) => (aside.rows.has(row) ? sum : sum + recordCount(row.spanKeys)), 0);
  if (units.makeRoom(records)) await store.indexUnits();
  const begun = await store.begin(windows);
  if (begun !== "ok") return begun;

  const columns = (memory.columns = emptyColumns(memory.columns, records));
  store.waiting.expire(rows.reduce((newest, { atMs }) => Math.max(newest, atMs), 0));
  const found = findUnits(rows, windows.byKey, store, aside, memory, columns);
  await loadMissing(store, units, columns);
  await store.readLatencies(found.missingBuckets);
  const capped = applyRecords(found.rows, store, units, columns);
  const partitions = windows.byPartition ? countByPartition(rows[0]?.partition ?? 0) : null;
  const deltas = storeChanges(store, units, columns, partitions);
  const { unsampled, setAside } = await store.commit(deltas, rows);
  const { duplicates } = found;
  return { folded: records - duplicates - found.setAside, duplicates, capped, unsampled, setAside };
};
