// The units that may be in a run: a Bloom filter in blocks of a cache line, so that a query touches memory once. 12 bits a
// unit: about one answer in 150 is "maybe" for a unit that is not there; never "no" for one that is.

const BITS_PER_UNIT = 12;
const BLOCK_WORDS = 16;
const BLOCK_BITS = BLOCK_WORDS * 32;
/** Bits set for a unit. */
const PROBES = 6;

export type UnitFilter = {
  /** A unit by the halves of its key. */
  readonly add: (low: number, high: number) => void;
  readonly mayHold: (low: number, high: number) => boolean;
  /** Shares memory with the filter. */
  readonly stored: () => Buffer;
};

const unitFilterOf = (words: Uint32Array): UnitFilter => {
  const blocks = words.length / BLOCK_WORDS;
  // The halves of a key are hashes already. The lower half also decides the partition: its last bits say nothing here.
  const blockOf = (high: number): number => Math.floor((high / 2 ** 32) * blocks) * BLOCK_WORDS;
  return {
    add: (low, high) => {
      const block = blockOf(high);
      let bits = low;
      for (let i = 0; i < PROBES; i++) {
        bits = Math.imul(bits, 0x9e3779b1) + high;
        const at = block + ((bits >>> 28) & 15);
        words[at] = (words[at] ?? 0) | (1 << ((bits >>> 23) & 31));
      }
    },
    mayHold: (low, high) => {
      const block = blockOf(high);
      let bits = low;
      for (let i = 0; i < PROBES; i++) {
        bits = Math.imul(bits, 0x9e3779b1) + high;
        if (((words[block + ((bits >>> 28) & 15)] ?? 0) & (1 << ((bits >>> 23) & 31))) === 0) return false;
      }
      return true;
    },
    stored: () => Buffer.from(words.buffer, words.byteOffset, words.byteLength),
  };
};

/** `units`: as many as it is made for; more make it answer "maybe" more often. */
export const makeUnitFilter = (units: number): UnitFilter =>
  unitFilterOf(new Uint32Array(Math.max(1, Math.ceil((units * BITS_PER_UNIT) / BLOCK_BITS)) * BLOCK_WORDS));

/** A filter from what `stored` gave. */
export const readUnitFilter = (stored: Buffer): UnitFilter =>
  unitFilterOf(new Uint32Array(new Uint8Array(stored).buffer));
