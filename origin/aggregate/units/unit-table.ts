// The units seen lately, by their 64-bit key: 40 bytes each in one piece of memory instead of some 200 as objects, and
// nothing for the garbage collector. The fields of a unit stand side by side, since fetching them from far apart costs
// more than counting. Two generations: when the young one is full, the old one is forgotten (its units are in the
// database) and the young becomes the old. So memory is bounded whatever the number of units.
import { NO_COHORT, type Unit } from "./unit.ts";

const MIN_SLOTS = 4_096;
const MAX_LOAD = 0.7;

/** The same slots as 64-bit floats, 32-bit and 16-bit integers and bytes. */
type Generation = {
  slots: number;
  used: number;
  floats: Float64Array;
  ints: Uint32Array;
  shorts: Uint16Array;
  bytes: Uint8Array;
};

// A slot: three times as floats, then the integers, then the bytes.
const FLOATS = 5;
const EXPOSED_MS = 0;
const ACTIVATED_MS = 1;
const RETURNED_MS = 2;
const INTS = 10;
const LOW = 6;
const HIGH = 7;
/** Begin of the bucket in which requests were counted, unix seconds. */
const BUCKET_S = 8;
const BYTES = 40;
const COHORT = 36;
const STATE = 37;

const SHORTS = 20;
/** The last four bits: counted requests in the bucket. The others: in the epoch, as far as this process knows. */
const REQUESTS = 19;
const IN_BUCKET = 0xf;
const IN_EPOCH = 0xfff;

const EMPTY = 0;
const FILLED = 1;
/** Filled, and changed since its unit was stored. */
const CHANGED = 2;
const STATES = 0b11;
/** Beside the state: its unit has sent something again, as far as this process knows. */
const SEEN_AGAIN = 0b100;

const makeGeneration = (slots: number): Generation => {
  const memory = new ArrayBuffer(slots * BYTES);
  return {
    slots,
    used: 0,
    floats: new Float64Array(memory),
    ints: new Uint32Array(memory),
    shorts: new Uint16Array(memory),
    bytes: new Uint8Array(memory),
  };
};

const stateOf = ({ bytes }: Generation, slot: number): number =>
  (bytes[slot * BYTES + STATE] ?? EMPTY) & STATES;

const setState = ({ bytes }: Generation, slot: number, state: number): void => {
  const at = slot * BYTES + STATE;
  bytes[at] = ((bytes[at] ?? 0) & ~STATES) | state;
};

/** Slot of the key, or the empty slot where it belongs. `slots` is a power of two. */
const slotOf = (table: Generation, low: number, high: number): number => {
  const { ints } = table;
  const mask = table.slots - 1;
  let slot = (high ^ (low >>> 2)) & mask;
  while (
    (ints[slot * INTS + LOW] !== low || ints[slot * INTS + HIGH] !== high) &&
    stateOf(table, slot) !== EMPTY
  )
    slot = (slot + 1) & mask;
  return slot;
};

const copySlot = (from: Generation, source: number, to: Generation, target: number): void => {
  for (let i = 0; i < INTS; i++) to.ints[target * INTS + i] = from.ints[source * INTS + i] ?? 0;
  to.used++;
};

const enlarged = (table: Generation, slots: number): Generation => {
  const larger = makeGeneration(slots);
  for (let slot = 0; slot < table.slots; slot++) {
    if (stateOf(table, slot) === EMPTY) continue;
    const low = table.ints[slot * INTS + LOW] ?? 0;
    const high = table.ints[slot * INTS + HIGH] ?? 0;
    copySlot(table, slot, larger, slotOf(larger, low, high));
  }
  return larger;
};

/**
 * `maxSlots`: of one generation, a power of two. Slots found stay valid until the next `makeRoom`.
 */
export const makeUnitTable = (maxSlots: number) => {
  let young = makeGeneration(Math.min(MIN_SLOTS, maxSlots));
  let old = makeGeneration(2);
  /** filled for each answer */
  const counted = { inBucket: 0, inTrial: 0 };

  return {
    /**
     * Before a batch, when no unit is changed: room for `count` further units, fewer than a generation holds. Whether
     * a new generation begins: units that were in memory before are forgotten when the next one does.
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
    /** Forgets everything: other processes may have changed units meanwhile. */
    clear: (): void => {
      young = makeGeneration(Math.min(MIN_SLOTS, maxSlots));
      old = makeGeneration(2);
    },
    /** Slot of a unit, or −1 when it is not in memory. */
    find: (low: number, high: number): number => {
      const slot = slotOf(young, low, high);
      if (stateOf(young, slot) !== EMPTY) return slot;
      const before = slotOf(old, low, high);
      if (stateOf(old, before) === EMPTY) return -1;
      copySlot(old, before, young, slot);
      return slot;
    },
    /** Slot for a unit that is not in memory, without cohort and times. */
    insert: (low: number, high: number): number => {
      const slot = slotOf(young, low, high);
      const { floats, ints, bytes } = young;
      floats[slot * FLOATS + EXPOSED_MS] = Infinity;
      floats[slot * FLOATS + ACTIVATED_MS] = Infinity;
      floats[slot * FLOATS + RETURNED_MS] = Infinity;
      ints[slot * INTS + LOW] = low;
      ints[slot * INTS + HIGH] = high;
      bytes[slot * BYTES + COHORT] = NO_COHORT;
      bytes[slot * BYTES + STATE] = FILLED;
      young.used++;
      return slot;
    },
    read: (slot: number, into: Unit): void => {
      const { floats, bytes } = young;
      into.cohort = bytes[slot * BYTES + COHORT] ?? NO_COHORT;
      into.exposedMs = floats[slot * FLOATS + EXPOSED_MS] ?? Infinity;
      into.activatedMs = floats[slot * FLOATS + ACTIVATED_MS] ?? Infinity;
      into.returnedMs = floats[slot * FLOATS + RETURNED_MS] ?? Infinity;
    },
    write: (slot: number, unit: Readonly<Unit>): void => {
      const { floats, bytes } = young;
      bytes[slot * BYTES + COHORT] = unit.cohort;
      floats[slot * FLOATS + EXPOSED_MS] = unit.exposedMs;
      floats[slot * FLOATS + ACTIVATED_MS] = unit.activatedMs;
      floats[slot * FLOATS + RETURNED_MS] = unit.returnedMs;
    },
    /** Halves of the unit's key. */
    low: (slot: number): number => young.ints[slot * INTS + LOW] ?? 0,
    high: (slot: number): number => young.ints[slot * INTS + HIGH] ?? 0,
    /** Marks the unit as changed; whether it was not before. */
    markChanged: (slot: number): boolean => {
      if (stateOf(young, slot) === CHANGED) return false;
      setState(young, slot, CHANGED);
      return true;
    },
    markStored: (slot: number): void => setState(young, slot, FILLED),
    /** Marks that the unit has sent something again; whether it was not marked before. */
    markSeenAgain: (slot: number): boolean => {
      const at = slot * BYTES + STATE;
      const state = young.bytes[at] ?? 0;
      young.bytes[at] = state | SEEN_AGAIN;
      return (state & SEEN_AGAIN) === 0;
    },
    /** Requests of the unit that `countRequest` counted: in the bucket, if it was the last one, and in all. */
    requests: (slot: number, bucketS: number): { inBucket: number; inTrial: number } => {
      const both = young.shorts[slot * SHORTS + REQUESTS] ?? 0;
      counted.inBucket = young.ints[slot * INTS + BUCKET_S] === bucketS ? both & IN_BUCKET : 0;
      counted.inTrial = both >>> 4;
      return counted;
    },
    /** Up to 15 in a bucket, and 4,095 in all. */
    countRequest: (slot: number, bucketS: number): void => {
      const { ints, shorts } = young;
      const both = shorts[slot * SHORTS + REQUESTS] ?? 0;
      const inBucket = ints[slot * INTS + BUCKET_S] === bucketS ? both & IN_BUCKET : 0;
      ints[slot * INTS + BUCKET_S] = bucketS;
      shorts[slot * SHORTS + REQUESTS] =
        Math.min(IN_BUCKET, inBucket + 1) | (Math.min(IN_EPOCH, (both >>> 4) + 1) << 4);
    },
  };
};
export type UnitTable = ReturnType<typeof makeUnitTable>;
