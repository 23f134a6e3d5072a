// What a fold process remembers between batches. All of it can be read from the database again.
import type { CountedFeature } from "../outcome-counts.ts";
import { windowsKey, type WindowsByKey } from "../outcome-windows.ts";
import { emptyWeights, type FeatureWeights } from "../weights/feature-weights.ts";
import { makeUnitTable, type UnitTable } from "../units/unit-table.ts";
import { makeColumns, type BatchColumns } from "./batch-columns.ts";
import { makeDedupe, type Dedupe } from "./dedupe.ts";

export type FoldMemory = {
  readonly units: UnitTable;
  readonly dedupe: Dedupe;
  columns: BatchColumns;
  /** by windowsKey; emptied when the windows change */
  readonly features: Map<string, CountedFeature>;
  /** by windowsKey; they outlast a change of the windows */
  readonly weights: Map<string, FeatureWeights>;
};

/** With more features and epochs than these, the oldest weights are forgotten. 32 KB each where networks are known. */
const MAX_WEIGHTS = 2_000;

const weightsOf = ({ weights }: Pick<FoldMemory, "weights">, key: string): FeatureWeights => {
  let found = weights.get(key);
  if (found === undefined) weights.set(key, (found = emptyWeights()));
  if (weights.size > MAX_WEIGHTS) for (const oldest of weights.keys()) if (weights.delete(oldest)) break;
  return found;
};

export const makeFoldMemory = (limits: { unitSlots: number; dedupeKeys: number }): FoldMemory => ({
  units: makeUnitTable(limits.unitSlots),
  dedupe: makeDedupe(limits.dedupeKeys),
  columns: makeColumns(0),
  features: new Map(),
  weights: new Map(),
});

/** The features that a block names, with the windows by which they are counted; null: set aside. */
export const countedFeatures = (
  memory: Pick<FoldMemory, "features" | "weights">,
  byKey: WindowsByKey,
  named: readonly { featureId: string; epoch: number }[],
  isSetAside: (feature: { featureId: string; epoch: number }) => boolean,
): (CountedFeature | null)[] =>
  named.map(({ featureId, epoch }) => {
    if (isSetAside({ featureId, epoch })) return null;
    const key = windowsKey(featureId, epoch);
    let feature = memory.features.get(key);
    if (feature === undefined) {
      const windows = byKey.get(key);
      if (windows === undefined) throw new Error(`no windows for ${featureId}, epoch ${epoch}`);
      const weights = weightsOf(memory, key);
      feature = { featureId, idBytes: Buffer.from(featureId), epoch, windows, weights };
      memory.features.set(key, feature);
    }
    return feature;
  });
