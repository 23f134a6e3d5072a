// xxh32 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) from WebAssembly, the same in Node and workerd.
import xxhash from "xxhash-wasm";

/** 32-bit xxHash of a string's UTF-8 bytes, seed 0. */
export type Hash32 = (input: string) => number;

const api = await xxhash();

export const h32: Hash32 = (input) => api.h32(input);
