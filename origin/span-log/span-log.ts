// The log of acknowledged telemetry as a contract: ingest appends, the fold reads. Two logs keep it, PostgreSQL's and
// JetStream's; test/origin/span-log/conformance has what both must do. How far the log is folded is not the log's to know: it
// is stored with the aggregates, and its reader is told.
import type { RecordDraft } from "./record.ts";

/** The side of ingest. */
export type SpanLog = {
  /**
   * Copies the records before it returns. The promise resolves when they are durable and rejects when they may not be.
   */
  readonly append: (records: readonly RecordDraft[]) => Promise<void>;
  /** Bytes accepted and not yet durable. */
  readonly pendingBytes: () => number;
  /** Waits until everything accepted is durable or has failed. */
  readonly stop: () => Promise<void>;
};

/** A block of records. Within a stream, which is one writer's in one partition, `seq` rises. */
export type LogRow = {
  partition: number;
  writer: number;
  seq: number;
  /** ms since the epoch, the clock of the log: when it was made durable */
  atMs: number;
  spanKeys: Buffer;
  block: Buffer;
};

/** The last row of a stream that is folded. A stream without a checkpoint is not folded at all. */
export type Checkpoint = { readonly partition: number; readonly writer: number; readonly seq: number };

/** How far these partitions are folded, as it was when the caller read it. */
export type FoldPositions = {
  readonly partitions: readonly number[];
  readonly checkpoints: readonly Checkpoint[];
};

/** So much of one stream is read at once, or a little more. */
export const MOST_OF_A_STREAM = { rows: 400, records: 25_000 };

/** The side of the fold. Checkpoints of other partitions than those of the positions are passed over. */
export type SpanLogReader = {
  /**
   * Rows beyond the positions, of each stream in its order and without a gap; not all of them when there are many. Rows that
   * become durable meanwhile may be missing, never one before another of its stream.
   */
  readonly readUnfolded: (positions: FoldPositions) => Promise<LogRow[]>;
  /** Seconds since the oldest row beyond the positions became durable, by the log's clock; 0 when there is none. */
  readonly unfoldedSeconds: (positions: FoldPositions) => Promise<number>;
  /** The same of each partition by itself, for about the same price. One that is not in the answer has nothing unfolded. */
  readonly unfoldedByPartition: (positions: FoldPositions) => Promise<ReadonlyMap<number, number>>;
  /**
   * Visits the keys of the spans that were folded within the last `seconds`, stream by stream and row by row, and of no span
   * beyond the positions: it would count as a duplicate.
   */
  readonly readFoldedKeys: (
    positions: FoldPositions,
    seconds: number,
    visit: (row: { atMs: number; spanKeys: Buffer }) => void,
  ) => Promise<void>;
};

/** Of all partitions together. */
export const mostBehind = (lags: ReadonlyMap<number, number>): number => Math.max(0, ...lags.values());

/** The log does not answer. It is asked again; nothing that was acknowledged is lost meanwhile. */
export class SpanLogUnreachable extends Error {}

/** The log is not as the configuration wants it, and asking again does not change that. */
export class SpanLogMisconfigured extends Error {}
