// 64-bit hash of bytes as two 32-bit halves, for de-duplication and unit keys. Two lanes of MurmurHash3's mixing with
// cross-feeding (as in its x86 128-bit variant). Numbers, because a bigint per span would cost more than the hash.

import { remainingBytes } from "./bytes.ts";

/** Where a hash is left, as signed words: no object per call. */
export type Hash64 = { low: number; high: number };

const finish = (lane: number): number => {
  let h = lane;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** Hashes the bytes [start … end) into `out`, beginning from the two seeds. */
export const hash64 = (
  view: DataView,
  start: number,
  end: number,
  seedLow: number,
  seedHigh: number,
  out: Hash64,
): void => {
  let low = seedLow | 0;
  let high = seedHigh | 0;
  for (let at = start; at < end; at += 4) {
    const four = at + 4 <= end ? view.getInt32(at, true) : remainingBytes(view, at, end);
    low ^= Math.imul(rotate(Math.imul(four, 0x239b961b), 15), 0xab0e9789);
    high ^= Math.imul(rotate(Math.imul(four, 0x38b34ae5), 17), 0xa1e38b93);
    low = (Math.imul(rotate(low, 19) + high, 5) + 0x561ccd1b) | 0;
    high = (Math.imul(rotate(high, 13) + low, 5) + 0x0bcaa747) | 0;
  }
  low ^= end - start;
  high ^= end - start;
  low = (low + high) | 0;
  high = (high + low) | 0;
  low = finish(low);
  high = finish(high);
  out.low = (low + high) | 0;
  out.high = (high + out.low) | 0;
};
