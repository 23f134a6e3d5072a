// BLAKE3's keyed hash of up to 1024 bytes, its one chunk (https://github.com/BLAKE3-team/BLAKE3-specs, 2.1 to 2.6). It is here
// because ingest names half a million units a second, and node:crypto takes some times as long and makes an object for each.
// State and words are variables, which is twice as fast as arrays.
import { remainingBytes } from "../bytes.ts";

export const KEY_WORDS = 8;
const MAX_INPUT_BYTES = 1_024;
const BLOCK_BYTES = 64;
const CHUNK_START = 1;
const CHUNK_END = 2;
const ROOT = 8;
const KEYED_HASH = 16;
const ROUNDS = 7;

/** To the right. */
const rotate = (value: number, bits: number): number => (value >>> bits) | (value << (32 - bits));

const words = new Int32Array(BLOCK_BYTES / 4);

/** The block [start … end) as words, with zeroes behind it. */
const readWords = (view: DataView, start: number, end: number): void => {
  words.fill(0);
  let i = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) words[i++] = view.getInt32(at, true);
  if (at < end) words[i] = remainingBytes(view, at, end);
};

const chaining = new Int32Array(KEY_WORDS);

/** Mixes `words` into the chaining value: columns, then diagonals, then the words change places. */
const compress = (blockBytes: number, flags: number): void => {
  let v0 = chaining[0] ?? 0;
  let v1 = chaining[1] ?? 0;
  let v2 = chaining[2] ?? 0;
  let v3 = chaining[3] ?? 0;
  let v4 = chaining[4] ?? 0;
  let v5 = chaining[5] ?? 0;
  let v6 = chaining[6] ?? 0;
  let v7 = chaining[7] ?? 0;
  let v8 = 0x6a09e667;
  let v9 = 0xbb67ae85 | 0;
  let v10 = 0x3c6ef372;
  let v11 = 0xa54ff53a | 0;
  let v12 = 0;
  let v13 = 0;
  let v14 = blockBytes;
  let v15 = flags;
  let m0 = words[0] ?? 0;
  let m1 = words[1] ?? 0;
  let m2 = words[2] ?? 0;
  let m3 = words[3] ?? 0;
  let m4 = words[4] ?? 0;
  let m5 = words[5] ?? 0;
  let m6 = words[6] ?? 0;
  let m7 = words[7] ?? 0;
  let m8 = words[8] ?? 0;
  let m9 = words[9] ?? 0;
  let m10 = words[10] ?? 0;
  let m11 = words[11] ?? 0;
  let m12 = words[12] ?? 0;
  let m13 = words[13] ?? 0;
  let m14 = words[14] ?? 0;
  let m15 = words[15] ?? 0;
  for (let round = 0; round < ROUNDS; round++) {
    v0 = (v0 + v4 + m0) | 0;
    v12 = rotate(v12 ^ v0, 16);
    v8 = (v8 + v12) | 0;
    v4 = rotate(v4 ^ v8, 12);
    v0 = (v0 + v4 + m1) | 0;
    v12 = rotate(v12 ^ v0, 8);
    v8 = (v8 + v12) | 0;
    v4 = rotate(v4 ^ v8, 7);

    v1 = (v1 + v5 + m2) | 0;
    v13 = rotate(v13 ^ v1, 16);
    v9 = (v9 + v13) | 0;
    v5 = rotate(v5 ^ v9, 12);
    v1 = (v1 + v5 + m3) | 0;
    v13 = rotate(v13 ^ v1, 8);
    v9 = (v9 + v13) | 0;
    v5 = rotate(v5 ^ v9, 7);

    v2 = (v2 + v6 + m4) | 0;
    v14 = rotate(v14 ^ v2, 16);
    v10 = (v10 + v14) | 0;
    v6 = rotate(v6 ^ v10, 12);
    v2 = (v2 + v6 + m5) | 0;
    v14 = rotate(v14 ^ v2, 8);
    v10 = (v10 + v14) | 0;
    v6 = rotate(v6 ^ v10, 7);

    v3 = (v3 + v7 + m6) | 0;
    v15 = rotate(v15 ^ v3, 16);
    v11 = (v11 + v15) | 0;
    v7 = rotate(v7 ^ v11, 12);
    v3 = (v3 + v7 + m7) | 0;
    v15 = rotate(v15 ^ v3, 8);
    v11 = (v11 + v15) | 0;
    v7 = rotate(v7 ^ v11, 7);

    v0 = (v0 + v5 + m8) | 0;
    v15 = rotate(v15 ^ v0, 16);
    v10 = (v10 + v15) | 0;
    v5 = rotate(v5 ^ v10, 12);
    v0 = (v0 + v5 + m9) | 0;
    v15 = rotate(v15 ^ v0, 8);
    v10 = (v10 + v15) | 0;
    v5 = rotate(v5 ^ v10, 7);

    v1 = (v1 + v6 + m10) | 0;
    v12 = rotate(v12 ^ v1, 16);
    v11 = (v11 + v12) | 0;
    v6 = rotate(v6 ^ v11, 12);
    v1 = (v1 + v6 + m11) | 0;
    v12 = rotate(v12 ^ v1, 8);
    v11 = (v11 + v12) | 0;
    v6 = rotate(v6 ^ v11, 7);

    v2 = (v2 + v7 + m12) | 0;
    v13 = rotate(v13 ^ v2, 16);
    v8 = (v8 + v13) | 0;
    v7 = rotate(v7 ^ v8, 12);
    v2 = (v2 + v7 + m13) | 0;
    v13 = rotate(v13 ^ v2, 8);
    v8 = (v8 + v13) | 0;
    v7 = rotate(v7 ^ v8, 7);

    v3 = (v3 + v4 + m14) | 0;
    v14 = rotate(v14 ^ v3, 16);
    v9 = (v9 + v14) | 0;
    v4 = rotate(v4 ^ v9, 12);
    v3 = (v3 + v4 + m15) | 0;
    v14 = rotate(v14 ^ v3, 8);
    v9 = (v9 + v14) | 0;
    v4 = rotate(v4 ^ v9, 7);

    const first0 = m0;
    m0 = m2;
    m2 = m3;
    m3 = m10;
    m10 = m12;
    m12 = m9;
    m9 = m11;
    m11 = m5;
    m5 = first0;
    const first1 = m1;
    m1 = m6;
    m6 = m4;
    m4 = m7;
    m7 = m13;
    m13 = m14;
    m14 = m15;
    m15 = m8;
    m8 = first1;
  }
  chaining[0] = v0 ^ v8;
  chaining[1] = v1 ^ v9;
  chaining[2] = v2 ^ v10;
  chaining[3] = v3 ^ v11;
  chaining[4] = v4 ^ v12;
  chaining[5] = v5 ^ v13;
  chaining[6] = v6 ^ v14;
  chaining[7] = v7 ^ v15;
};

/** Leaves the first 16 bytes of the keyed hash of [start … end) in `out`, as little-endian words. */
export const keyedHash = (
  key: Int32Array,
  view: DataView,
  start: number,
  end: number,
  out: Int32Array,
): void => {
  if (end - start > MAX_INPUT_BYTES)
    throw new Error(`unreachable: ${end - start} bytes are more than a chunk`);
  chaining.set(key);
  let from = start;
  for (; from + BLOCK_BYTES < end; from += BLOCK_BYTES) {
    readWords(view, from, from + BLOCK_BYTES);
    compress(BLOCK_BYTES, KEYED_HASH | (from === start ? CHUNK_START : 0));
  }
  readWords(view, from, end);
  compress(end - from, KEYED_HASH | (from === start ? CHUNK_START : 0) | CHUNK_END | ROOT);
  for (let i = 0; i < 4; i++) out[i] = chaining[i] ?? 0;
};
