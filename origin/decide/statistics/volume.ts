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

/** Fewer or more than this part of what is usual is unusual, beyond what chance does to a few units. */
const LEAST = 0.9;
const MOST = 1.2;
const DEVIATIONS = 2;

/** A unit succeeds from `opensAfterSeconds` to `windowSeconds` after its exposure; `bucketSeconds`: width of an exposure bucket. */
export type Window = {
  readonly opensAfterSeconds: number;
  readonly windowSeconds: number;
  readonly bucketSeconds: number;
};

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

/** Units that came in a time, and those that usually come in as much. */
export type Traffic = { readonly units: number; readonly usual: number };

/**
 * The traffic of the bucket that begins at `bucketS` and has `units`, that of its cell, and that of the time in which its units can
 * succeed. Nothing where no earlier cell says what is usual, and nothing of a time that has not begun.
 */
export const trafficBeside = (
  volume: Volume,
  { bucketS, units: own }: { readonly bucketS: number; readonly units: number | null },
  window: Window,
): Traffic[] => {
  const { opensAfterSeconds, windowSeconds, bucketSeconds } = window;
  const cellSeconds = cellSecondsOf(window);
  const cell = bucketS - ((bucketS - volume.from) % cellSeconds);
  const before = volume.units + unitsBetween(volume, volume.from, cell, cellSeconds);
  const seconds = volume.seconds + cell - volume.from;
  if (before === 0) return [];
  const rate = before / seconds;
  const times = [
    { from: cell, upTo: cell + cellSeconds },
    { from: bucketS + opensAfterSeconds, upTo: bucketS + bucketSeconds + windowSeconds },
  ].flatMap((time) => {
    const upTo = Math.min(time.upTo, volume.knownTo);
    return upTo <= time.from
      ? []
      : { units: unitsBetween(volume, time.from, upTo, cellSeconds), usual: rate * (upTo - time.from) };
  });
  return own === null ? times : [{ units: own, usual: rate * bucketSeconds }, ...times];
};

/** `weight`: what one unit counts. */
export const isUsual = ({ units, usual }: Traffic, weight: number): boolean => {
  const chance = DEVIATIONS * Math.sqrt(usual * weight);
  return units >= LEAST * usual - chance && units <= MOST * usual + chance;
};
