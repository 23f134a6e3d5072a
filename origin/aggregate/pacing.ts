// How the fold divides its work, and how long it pauses in between. Pure.
import { recordCount } from "../span-log/read-block.ts";

/** A batch never has more records, unless a single row has. */
const BATCH_RECORDS = 100_000;
/** Behind by so many records, the fold pauses only as long as it worked: a burst is acknowledged first and counted next. */
export const BACKLOG_RECORDS = 75_000;
/** Behind by so many seconds too, it does not pause. */
const MAX_LAG_S = 10;
const MIN_PAUSE_MS = 60;
const MAX_PAUSE_MS = 750;

const recordsOf = (rows: readonly { readonly spanKeys: Buffer }[]): number =>
  rows.reduce((sum, { spanKeys }) => sum + recordCount(spanKeys), 0);

/** Parts of at most `most` records; the order of the rows stays. */
export const splitIntoBatches = <Row extends { readonly spanKeys: Buffer }>(
  rows: readonly Row[],
  most = BATCH_RECORDS,
): Row[][] => {
  const batches: Row[][] = [];
  let batch: Row[] = [];
  let records = 0;
  for (const row of rows) {
    const count = recordCount(row.spanKeys);
    if (batch.length > 0 && records + count > most) {
      batches.push(batch);
      batch = [];
      records = 0;
    }
    batch.push(row);
    records += count;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
};

export const isBehind = (rows: readonly { readonly spanKeys: Buffer }[]): boolean =>
  recordsOf(rows) >= BACKLOG_RECORDS;

/**
 * Milliseconds to pause after a round that took `tookMs`. Usually three times as long, so that folding takes at most a
 * quarter of a core. `lagSeconds` is the lag of all partitions: a process without a backlog of its own cannot reduce it
 * by hurrying.
 */
export const pauseAfter = (round: {
  readonly tookMs: number;
  readonly isBehind: boolean;
  readonly lagSeconds: number;
}): number => {
  if (!round.isBehind) return Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, round.tookMs * 3));
  return round.lagSeconds >= MAX_LAG_S ? 0 : round.tookMs;
};
