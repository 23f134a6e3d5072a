// How many units came, and whether that is usual. Units of a time in which hardly anybody came, or a crowd did, are no evidence
// against a feature that has no holdout: an outage, a night or a campaign makes them fail.

/** Exposures by cells of time. Beyond a day and eight windows, older ones fade from what is usual. */
export type Volume = {
  /** Unix seconds: everything exposed before is known. */
  readonly knownTo: number;
  /** Unix seconds: the cells begin here. */
  readonly from: number;
  /** What came before, faded: units and the seconds in which they came. */
  readonly units: number;
  readonly seconds: number;
  /** Units by the begin of their cell (unix seconds), rising; a cell without units is left out. */
  readonly cells: readonly (readonly [from: number, units: number])[];
};

export const NO_VOLUME: Volume = { knownTo: 0, from: 0, units: 0, seconds: 0, cells: [] };

const CELLS_A_WINDOW = 8;
const WEEK_SECONDS = 604_800;

/** Fewer or more than this part of what is usual in a window is unusual. */
const LEAST = 2 / 3;
const MOST = 3 / 2;

/** `windowSeconds`: how long a unit may take to succeed; `bucketSeconds`: width of an exposure bucket. */
type Window = { readonly windowSeconds: number; readonly bucketSeconds: number };

/** Whole buckets, so that no bucket lies in two cells. */
const cellSecondsOf = ({ windowSeconds, bucketSeconds }: Window): number =>
  Math.ceil(windowSeconds / CELLS_A_WINDOW / bucketSeconds) * bucketSeconds;

/** Takes in exposures from `knownTo` on; afterwards everything exposed before `upTo` is known. Units may be weighted. */
export const addExposures = (
  volume: Volume,
  exposures: readonly { readonly bucketS: number; readonly units: number }[],
  upTo: number,
  window: Window,
): Volume => {
  const cellSeconds = cellSecondsOf(window);
  const cells = new Map(volume.cells);
  for (const { bucketS, units } of exposures) {
    if (bucketS < volume.knownTo || bucketS >= upTo || units === 0) continue;
    const from = bucketS - ((bucketS - volume.from) % cellSeconds);
    cells.set(from, (cells.get(from) ?? 0) + units);
  }
  return { ...volume, cells: [...cells], knownTo: Math.max(volume.knownTo, upTo) };
};

/** Moves the cells that end by `oldest` (unix seconds; the begin of the oldest bucket that is not mature) to what came before. */
export const forgetBefore = (volume: Volume, oldest: number, window: Window): Volume => {
  const cellSeconds = cellSecondsOf(window);
  const kept = 1 - cellSeconds / Math.max(WEEK_SECONDS, CELLS_A_WINDOW * window.windowSeconds);
  let { from, units, seconds } = volume;
  const cells = new Map(volume.cells);
  while (from + cellSeconds <= oldest) {
    units = units * Math.max(0, kept) + (cells.get(from) ?? 0);
    seconds = seconds * Math.max(0, kept) + cellSeconds;
    cells.delete(from);
    from += cellSeconds;
  }
  return { ...volume, from, units, seconds, cells: [...cells] };
};

/** Units that came between two times, those of a cell spread evenly. */
const unitsBetween = (volume: Volume, from: number, upTo: number, cellSeconds: number): number =>
  volume.cells.reduce((sum, [begin, units]) => {
    const end = Math.min(begin + cellSeconds, volume.knownTo);
    const common = Math.min(end, upTo) - Math.max(begin, from);
    return common <= 0 ? sum : sum + (units * common) / (end - begin);
  }, 0);

/**
 * How many units came in the window of the bucket that begins at `bucketS`, as a part of what is usual: 1 is as ever. null while
 * that is not known: there is no earlier cell to go by, or the window has not begun.
 */
export const volumeOf = (volume: Volume, bucketS: number, window: Window): number | null => {
  const cellSeconds = cellSecondsOf(window);
  const upTo = Math.min(bucketS + window.bucketSeconds + window.windowSeconds, volume.knownTo);
  const units = volume.units + unitsBetween(volume, volume.from, bucketS, cellSeconds);
  const seconds = volume.seconds + bucketS - volume.from;
  if (seconds < cellSeconds || units === 0 || upTo <= bucketS) return null;
  const usual = (units / seconds) * (upTo - bucketS);
  return unitsBetween(volume, bucketS, upTo, cellSeconds) / usual;
};

/** What is not known is taken for usual. */
export const isUsual = (part: number | null): boolean => part === null || (part >= LEAST && part <= MOST);
