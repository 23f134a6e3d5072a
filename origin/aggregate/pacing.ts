// How the fold divides its work, and how long it pauses in between. Pure.
import { recordCount } from "../span-log/read-block.ts";
import { MOST_OF_A_STREAM, type LogRow } from "../span-log/span-log.ts";

/** A batch never has more records, unless a single row has. */
const BATCH_RECORDS = 100_000;
/** Behind by so many records, the fold pauses only as long as it worked: a burst is acknowledged first and counted next. */
export const BACKLOG_RECORDS = 75_000;
/** Behind by so many seconds too, it does not pause. */
const MAX_LAG_S = 10;
const MIN_PAUSE_MS = 60;
const MAX_PAUSE_MS = 750;
/** The shortest pause doubles so often while nothing comes: a quiet log is read some four times a second. */
const DOUBLED_AT_MOST = 2;

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

/** Also when a stream gave as much as is read of one at once: there is more of it. */
export const isBehind = (rows: readonly Pick<LogRow, "partition" | "writer" | "spanKeys">[]): boolean => {
  const streams = new Map<string, { rows: number; records: number }>();
  let all = 0;
  for (const { partition, writer, spanKeys } of rows) {
    const key = `${partition}:${writer}`;
    const stream = streams.get(key) ?? { rows: 0, records: 0 };
    const records = recordCount(spanKeys);
    streams.set(key, { rows: stream.rows + 1, records: stream.records + records });
    all += records;
  }
  if (all >= BACKLOG_RECORDS) return true;
  return [...streams.values()].some(
    (stream) => stream.rows >= MOST_OF_A_STREAM.rows || stream.records >= MOST_OF_A_STREAM.records,
  );
};

/** A round in one database. */
export type Round = {
  readonly tookMs: number;
  readonly isBehind: boolean;
  /** of all partitions: a process without a backlog of its own cannot reduce it by hurrying */
  readonly lagSeconds: number;
  /** in how many databases the process owns partitions */
  readonly databases: number;
  /** rounds in a row, this one among them, that found nothing */
  readonly emptyRounds: number;
};

/**
 * Milliseconds to pause after a round. Usually three times as long as it took, so that folding takes at most a quarter of a core.
 * A round has a fixed cost, whatever it finds. So a process makes as many of them in all, however many databases it folds in,
 * and fewer while nothing comes.
 */
export const pauseAfter = (round: Round): number => {
  if (round.isBehind) return round.lagSeconds >= MAX_LAG_S ? 0 : round.tookMs;
  const shortestMs =
    MIN_PAUSE_MS * Math.max(round.databases, 2 ** Math.min(round.emptyRounds, DOUBLED_AT_MOST));
  return Math.min(MAX_PAUSE_MS, Math.max(shortestMs, round.tookMs * 3));
};
