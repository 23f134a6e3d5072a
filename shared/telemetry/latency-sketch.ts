// Latency as an exponential histogram (OpenTelemetry, scale 5): bin i holds (base^i, base^(i+1)] ms with
// base = 2^(1/32), so a value is known within 1.1 %. Sketches add up, which percentiles do not. The fold writes them, the
// evaluation merges and reads them.

const BINS_PER_OCTAVE = 32;
/** Bin of the smallest latency told apart, 2^-10 ms; everything below counts there. */
const FIRST_BIN = -10 * BINS_PER_OCTAVE;
/** 32 octaves: up to 2^22 ms (70 minutes); everything above counts in the last bin. */
const BINS = 32 * BINS_PER_OCTAVE;
const FORMAT = 1;

/** Count of latencies in each bin. */
export type Sketch = Uint32Array;

export const emptySketch = (): Sketch => new Uint32Array(BINS);

const lowerEdgeMs = (position: number): number => 2 ** ((position + FIRST_BIN) / BINS_PER_OCTAVE);

const positionOf = (ms: number): number => {
  if (!(ms > 0)) return 0;
  const bin = Math.ceil(Math.log2(ms) * BINS_PER_OCTAVE) - 1 - FIRST_BIN;
  return Math.min(BINS - 1, Math.max(0, bin));
};

/** Counts one latency in milliseconds. */
export const recordLatency = (sketch: Sketch, ms: number): void => {
  const position = positionOf(ms);
  sketch[position] = (sketch[position] ?? 0) + 1;
};

export const totalOf = (sketch: Sketch): number => {
  let total = 0;
  for (const count of sketch) total += count;
  return total;
};

/**
 * The q-quantile in milliseconds (nearest rank, geometric middle of its bin: at most 1.1 % off); null when empty.
 */
export const quantile = (sketch: Sketch, q: number): number | null => {
  const total = totalOf(sketch);
  if (total === 0) return null;
  const rank = Math.min(total, Math.max(1, Math.ceil(q * total)));
  let seen = 0;
  for (let position = 0; position < BINS; position++) {
    seen += sketch[position] ?? 0;
    if (seen >= rank) return Math.sqrt(lowerEdgeMs(position) * lowerEdgeMs(position + 1));
  }
  return null;
};

/** Stored form: a format byte, then (bins skipped, count) of every bin that holds something, as LEB128 varints. */
export const encodeSketch = (sketch: Sketch): Uint8Array => {
  const bytes: number[] = [FORMAT];
  const put = (value: number) => {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  };
  let next = 0;
  for (let position = 0; position < BINS; position++) {
    const count = sketch[position] ?? 0;
    if (count === 0) continue;
    put(position - next);
    put(count);
    next = position + 1;
  }
  return Uint8Array.from(bytes);
};

/** Throws on bytes that `encodeSketch` did not write: the table is corrupt. */
const eachStoredBin = (stored: Uint8Array, visit: (position: number, count: number) => void): void => {
  if (stored[0] !== FORMAT) throw new Error(`latency sketch of unknown format ${String(stored[0])}`);
  let at = 1;
  const take = (): number => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = stored[at++];
      if (byte === undefined) throw new Error("latency sketch ends too early");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new Error("latency sketch holds a count above 32 bits");
  };
  for (let position = 0; at < stored.length; position++) {
    position += take();
    if (position >= BINS) throw new Error("latency sketch holds a bin beyond the last");
    visit(position, take());
  }
};

/** Adds a stored sketch to another. */
export const mergeEncoded = (into: Sketch, stored: Uint8Array): void => {
  eachStoredBin(stored, (position, count) => {
    into[position] = (into[position] ?? 0) + count;
  });
};

/**
 * How many latencies of a stored sketch were certainly above the threshold: bins that lie entirely above it. Conservative:
 * those of the threshold's own bin (within 2.2 % of it) are not counted.
 */
export const countAbove = (stored: Uint8Array, thresholdMs: number): number => {
  let first = Math.max(1, positionOf(thresholdMs));
  while (lowerEdgeMs(first) < thresholdMs) first++;
  let above = 0;
  eachStoredBin(stored, (position, count) => {
    if (position >= first) above += count;
  });
  return above;
};

export const decodeSketch = (stored: Uint8Array): Sketch => {
  const sketch = emptySketch();
  mergeEncoded(sketch, stored);
  return sketch;
};

/** How many latencies of each sketch lie in each part of an octave, from the first that holds one to the last; `binsTogether` bins are one. */
export const histogramOf = (
  sketches: readonly Sketch[],
  binsTogether = 8,
): { readonly fromMs: number; readonly toMs: number; readonly counts: readonly number[] }[] => {
  const count = (sketch: Sketch, first: number): number =>
    sketch.subarray(first, first + binsTogether).reduce((sum, each) => sum + each, 0);
  const all = Array.from({ length: BINS / binsTogether }, (_, i) => ({
    fromMs: lowerEdgeMs(i * binsTogether),
    toMs: lowerEdgeMs((i + 1) * binsTogether),
    counts: sketches.map((sketch) => count(sketch, i * binsTogether)),
  }));
  const holds = ({ counts }: { counts: readonly number[] }): boolean => counts.some((each) => each > 0);
  const first = all.findIndex(holds);
  return first === -1 ? [] : all.slice(first, all.findLastIndex(holds) + 1);
};
