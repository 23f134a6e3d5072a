// What one batch of the fold works with, a column for each value: as objects, a hundred thousand a second, they would be
// the garbage collector's main work.
import type { CountedFeature } from "../outcome-counts.ts";

export type BatchColumns = {
  /** slot of each record's unit in the unit table; −1: the record is a duplicate */
  readonly slots: Int32Array;
  /** units that are not in memory, by the halves of their keys, and their slots */
  readonly missing: { count: number; low: Uint32Array; high: Uint32Array; slots: Int32Array };
  /** units that have changed: as they were before the batch, and where their ids stand */
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

export const makeColumns = (records: number): BatchColumns => ({
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

/** Empty columns for a batch: the same ones where they are long enough. */
export const emptyColumns = (columns: BatchColumns, records: number): BatchColumns => {
  if (columns.slots.length < records) return makeColumns(Math.ceil(records * 1.5));
  columns.missing.count = 0;
  columns.changed.count = 0;
  columns.changed.features.length = 0;
  columns.changed.blocks.length = 0;
  return columns;
};
