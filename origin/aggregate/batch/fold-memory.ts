// What a fold process remembers between batches. All of it can be read from the database again.
import type { CountedFeature } from "../outcome-counts.ts";
import { windowsKey, type WindowsByKey } from "../outcome-windows.ts";
import { makeUnitTable, type UnitTable } from "../units/unit-table.ts";
import { makeColumns, type BatchColumns } from "./batch-columns.ts";
import { makeDedupe, type Dedupe } from "./dedupe.ts";

export type FoldMemory = {
  readonly units: UnitTable;
  readonly dedupe: Dedupe;
  columns: BatchColumns;
  /** by windowsKey; emptied when the windows change */
  readonly features: Map<string, CountedFeature>;
};

export const makeFoldMemory = (limits: { unitSlots: number; dedupeKeys: number }): FoldMemory => ({
  units: makeUnitTable(limits.unitSlots),
  dedupe: makeDedupe(limits.dedupeKeys),
  columns: makeColumns(0),
  features: new Map(),
});

/** The features that a block names, with the windows by which they are counted. */
export const countedFeatures = (
  { features }: FoldMemory,
  byKey: WindowsByKey,
  named: readonly { featureId: string; epoch: number }[],
): CountedFeature[] =>
  named.map(({ featureId, epoch }) => {
    const key = windowsKey(featureId, epoch);
    let feature = features.get(key);
    if (feature === undefined) {
      const windows = byKey.get(key);
      if (windows === undefined) throw new Error(`no windows for ${featureId}, epoch ${epoch}`);
      feature = { featureId, idBytes: Buffer.from(featureId), epoch, windows };
      features.set(key, feature);
    }
    return feature;
  });
