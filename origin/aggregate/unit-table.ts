// The units seen lately, by their 64-bit key, in typed arrays: 43 bytes each instead of some 200 as objects, and
// nothing for the garbage collector. Two generations: when the young one is full, the old one is forgotten (its units
// are in the database) and the young becomes the old. So memory is bounded whatever the number of units.
import { NO_COHORT } from "./unit.ts";

const MIN_SLOTS = 4_096;
const MAX_LOAD = 0.7;

type Generation = {
  slots: number;
  used: number;
  low: Uint32Array;
  high: Uint32Array;
  /** NO_COHORT: empty slot, unless `state` says otherwise */
  cohort: Uint8Array;
  state: Uint8Array;
  exposedMs: Float64Array;
  actedMs: Float64Array;
  returnedMs: Float64Array;
  /** begin of the bucket that `requests` were counted in, unix seconds */
  bucketS: Uint32Array;
  requests: Uint8Array;
};

const EMPTY = 0;
const FILLED = 1;
/** Filled, and changed since its unit was stored. */
const CHANGED = 2;

const makeGeneration = (slots: number): Generation => ({
  slots,
  used: 0,
  low: new Uint32Array(slots),
  high: new Uint32Array(slots),
  cohort: new Uint8Array(slots),
  state: new Uint8Array(slots),
  exposedMs: new Float64Array(slots),
  actedMs: new Float64Array(slots),
  returnedMs: new Float64Array(slots),
  bucketS: new Uint32Array(slots),
  requests: new Uint8Array(slots),
});

/** Slot of the key, or the empty slot where it belongs. `slots` is a power of two. */
const slotOf = (table: Generation, low: number, high: number): number => {
  const mask = table.slots - 1;
  let slot = (high ^ (low >>> 2)) & mask;
  while (table.state[slot] !== EMPTY && (table.low[slot] !== low || table.high[slot] !== high))
    slot = (slot + 1) & mask;
  return slot;
};

const copySlot = (from: Generation, source: number, to: Generation, target: number): void => {
  to.low[target] = from.low[source] ?? 0;
  to.high[target] = from.high[source] ?? 0;
  to.cohort[target] = from.cohort[source] ?? NO_COHORT;
  to.exposedMs[target] = from.exposedMs[source] ?? Infinity;
  to.actedMs[target] = from.actedMs[source] ?? Infinity;
  to.returnedMs[target] = from.returnedMs[source] ?? Infinity;
  to.bucketS[target] = from.bucketS[source] ?? 0;
  to.requests[target] = from.requests[source] ?? 0;
  to.state[target] = FILLED;
  to.used++;
};

const enlarged = (table: Generation, slots: number): Generation => {
  const larger = makeGeneration(slots);
  for (let slot = 0; slot < table.slots; slot++)
    if (table.state[slot] !== EMPTY)
      copySlot(table, slot, larger, slotOf(larger, table.low[slot] ?? 0, table.high[slot] ?? 0));
  return larger;
};

/**
 * `maxSlots`: of one generation, a power of two. Slots found stay valid until the next `makeRoom`.
 */
export const makeUnitTable = (maxSlots: number) => {
  let young = makeGeneration(Math.min(MIN_SLOTS, maxSlots));
  let old = makeGeneration(2);

  return {
    /**
     * Before a batch, when no unit is changed: room for `count` further units, fewer than a generation holds. Whether
     * a new generation begins: units that were in memory before this are forgotten when the next one does.
     */
    makeRoom: (count: number): boolean => {
      if (young.used + count <= young.slots * MAX_LOAD) return false;
      let slots = young.slots;
      while (slots < maxSlots && young.used + count > slots * MAX_LOAD) slots *= 2;
      if (young.used + count <= slots * MAX_LOAD) {
        young = enlarged(young, slots);
        return false;
      }
      old = young;
      young = makeGeneration(maxSlots);
      return true;
    },
    /** Forgets everything: others may have changed units meanwhile. */
    clear: (): void => {
      young = makeGeneration(Math.min(MIN_SLOTS, maxSlots));
      old = makeGeneration(2);
    },
    /** Slot of a unit, or −1 when it is not in memory. */
    find: (low: number, high: number): number => {
      const slot = slotOf(young, low, high);
      if (young.state[slot] !== EMPTY) return slot;
      const before = slotOf(old, low, high);
      if (old.state[before] === EMPTY) return -1;
      copySlot(old, before, young, slot);
      return slot;
    },
    /** Slot for a unit that is not in memory; it has no cohort and no times yet. */
    insert: (low: number, high: number): number => {
      const slot = slotOf(young, low, high);
      young.low[slot] = low;
      young.high[slot] = high;
      young.cohort[slot] = NO_COHORT;
      young.exposedMs[slot] = Infinity;
      young.actedMs[slot] = Infinity;
      young.returnedMs[slot] = Infinity;
      young.state[slot] = FILLED;
      young.used++;
      return slot;
    },
    read: (
      slot: number,
      into: { cohort: number; exposedMs: number; actedMs: number; returnedMs: number },
    ) => {
      into.cohort = young.cohort[slot] ?? NO_COHORT;
      into.exposedMs = young.exposedMs[slot] ?? Infinity;
      into.actedMs = young.actedMs[slot] ?? Infinity;
      into.returnedMs = young.returnedMs[slot] ?? Infinity;
    },
    write: (
      slot: number,
      unit: { cohort: number; exposedMs: number; actedMs: number; returnedMs: number },
    ) => {
      young.cohort[slot] = unit.cohort;
      young.exposedMs[slot] = unit.exposedMs;
      young.actedMs[slot] = unit.actedMs;
      young.returnedMs[slot] = unit.returnedMs;
    },
    /** Halves of the unit's key. */
    low: (slot: number): number => young.low[slot] ?? 0,
    high: (slot: number): number => young.high[slot] ?? 0,
    /** Marks the unit as changed; whether it was not before. */
    markChanged: (slot: number): boolean => {
      if (young.state[slot] === CHANGED) return false;
      young.state[slot] = CHANGED;
      return true;
    },
    markStored: (slot: number): void => {
      young.state[slot] = FILLED;
    },
    /** Requests of the unit within the bucket, this one included; up to 255. Forgotten with another bucket. */
    countRequest: (slot: number, bucketS: number): number => {
      const before = young.bucketS[slot] === bucketS ? (young.requests[slot] ?? 0) : 0;
      const count = Math.min(255, before + 1);
      young.bucketS[slot] = bucketS;
      young.requests[slot] = count;
      return count;
    },
  };
};
export type UnitTable = ReturnType<typeof makeUnitTable>;
