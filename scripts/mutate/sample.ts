// A sample of the mutants, the same for the same seed.

/** xorshift32: good enough to spread a sample. */
const makeRandom = (seed: number): (() => number) => {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
};

/** Whether one of `all` is in a sample of `size`. */
export const pickSample = <T>(all: readonly T[], size: number, seed: number): ((one: T) => boolean) => {
  if (size >= all.length) return () => true;
  const random = makeRandom(seed);
  const rest = [...all];
  const picked = new Set<T>();
  while (picked.size < size) picked.add(rest.splice(Math.floor(random() * rest.length), 1)[0]!);
  return (one) => picked.has(one);
};
