// Which spans were counted within the last ten minutes, by a 64-bit hash of (trace id, span id): 8 bytes a span in
// open-addressed tables, one per 90 s of arrival. A false match has a chance of 2e-12 a span at 30 million spans.
//
// Only latency and error counts need this: units are kept by their first times, which a span seen again (however much
// later) does not change.

const GENERATION_MS = 90_000;
/** Whole ones; the youngest is filling. Seven full ones cover ten and a half minutes. */
const GENERATIONS = 8;
const MIN_CAPACITY = 4_096;
const MAX_LOAD = 0.8;

type Generation = { startsMs: number; capacity: number; used: number; keys: Uint32Array };

const makeGeneration = (startsMs: number, expected: number): Generation => {
  const capacity = Math.max(MIN_CAPACITY, Math.ceil(expected / MAX_LOAD) + 1);
  return { startsMs, capacity, used: 0, keys: new Uint32Array(capacity * 2) };
};

/** Position of the key, or of the free place where it belongs. Zero keys mark free places. */
const placeOf = ({ keys, capacity }: Generation, low: number, high: number): number => {
  let slot = Math.floor((high / 2 ** 32) * capacity);
  for (;;) {
    const at = slot * 2;
    const found = keys[at];
    if ((found === low && keys[at + 1] === high) || (found === 0 && keys[at + 1] === 0)) return at;
    slot = slot + 1 === capacity ? 0 : slot + 1;
  }
};

const holds = (generation: Generation, low: number, high: number): boolean => {
  const at = placeOf(generation, low, high);
  return generation.keys[at] !== 0 || generation.keys[at + 1] !== 0;
};

const put = (generation: Generation, low: number, high: number): void => {
  const at = placeOf(generation, low, high);
  generation.keys[at] = low;
  generation.keys[at + 1] = high;
  generation.used++;
};

const enlarged = (generation: Generation): Generation => {
  const larger = makeGeneration(generation.startsMs, generation.used * 2);
  for (let at = 0; at < generation.keys.length; at += 2) {
    const low = generation.keys[at] ?? 0;
    const high = generation.keys[at + 1] ?? 0;
    if (low !== 0 || high !== 0) put(larger, low, high);
  }
  return larger;
};

/**
 * `maxKeys` bounds the memory (8 to 10 bytes each): when more spans than that come in within ten minutes, the oldest
 * are forgotten early.
 */
export const makeDedupe = (maxKeys: number) => {
  let generations: Generation[] = [];

  const youngest = (atMs: number): Generation => {
    const last = generations.at(-1);
    if (last !== undefined && atMs < last.startsMs + GENERATION_MS && last.used < maxKeys / 4) return last;
    // As many places as the last one needed, so that a steady load does not make it grow again.
    const next = makeGeneration(atMs, last === undefined ? 0 : last.used * 1.05);
    generations = generations.filter(({ startsMs }) => startsMs > atMs - GENERATIONS * GENERATION_MS);
    let kept = generations.reduce((sum, { used }) => sum + used, 0);
    while (kept > (maxKeys * 3) / 4) kept -= generations.shift()?.used ?? kept;
    generations.push(next);
    return next;
  };

  return {
    /** Notes the key; false when it was there already. `atMs`: when the log took it, rising but for small steps back. */
    add: (low: number, high: number, atMs: number): boolean => {
      for (let i = generations.length - 1; i >= 0; i--) {
        const generation = generations[i];
        if (generation !== undefined && holds(generation, low, high)) return false;
      }
      let generation = youngest(atMs);
      if (generation.used + 1 > generation.capacity * MAX_LOAD) {
        generation = enlarged(generation);
        generations[generations.length - 1] = generation;
      }
      put(generation, low, high);
      return true;
    },
    size: (): number => generations.reduce((sum, { used }) => sum + used, 0),
  };
};
export type Dedupe = ReturnType<typeof makeDedupe>;
