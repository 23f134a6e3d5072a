// The stored form of acknowledged telemetry: one compact record a span, about 30 bytes and the unit's id. Ingest writes
// blocks of records, the fold reads them. Numbers are little-endian.
//
//   block   u8 format · u16 features · features × (u32 epoch, u8 length, id) · records
//   record  u8 flags · u16 feature · u64 unit key · u48 start ms · u32 duration µs · u8 unit length − 1 · unit
//           with MORE_FLAGS: u8 flags above the first eight · with NETWORK: u32 network
//           with RAW: 16 trace id · 8 span id · u16 http status · u8 name length · name
//
// Format 1 has no MORE_FLAGS. A block without them is still written as format 1, so that an older process can fold it.
//
// Beside each block stand the keys of its spans, 8 bytes each: a hash of trace id and span id, by which the fold finds
// duplicates; zero for log records, which have neither.
import type { TextRange } from "./bytes.ts";
import type { FeatureEpoch } from "./unit-key.ts";

export const FIRST_FORMAT = 1;
/** With MORE_FLAGS. */
export const BLOCK_FORMAT = 2;
/** A record without unit and raw part. */
export const RECORD_HEAD_BYTES = 1 + 2 + 8 + 6 + 4 + 1;
/** Longer names of raw spans are cut. */
export const MAX_NAME_BYTES = 128;
export const TRACE_ID_BYTES = 16;
export const SPAN_ID_BYTES = 8;
export const SPAN_KEY_BYTES = 8;

/** Records are never older than this when they are appended. */
export const MAX_SPAN_AGE_DAYS = 31;

/** Bits of a record's flags; the lowest two hold the cohort code. */
export const ACTIVATION = 1 << 2;
export const RETURNED = 1 << 3;
export const FAILED = 1 << 4;
/** The duration counts as a latency: the record is of a span that ended. */
export const TIMED = 1 << 5;
/** The span goes to otel_spans too. */
export const RAW = 1 << 6;
/** In the stored byte alone: flags above the first eight follow. */
export const MORE_FLAGS = 1 << 7;
/** The span is no exposure of its unit. */
export const NO_EXPOSURE = 1 << 8;
/** With TIMED: of a request that loads a page; without it the request is a fetch. */
export const DOCUMENT = 1 << 9;
/** With TIMED: the visitor left or the response never ended; the duration is how long it was waited for. */
export const UNFINISHED = 1 << 10;
/** The visitor's network is known. */
export const NETWORK = 1 << 11;

/**
 * A record to append. Ranges of bytes point into the request, whose bytes are copied when the record is appended and not
 * before.
 */
export type RecordDraft = {
  feature: FeatureEpoch;
  flags: number;
  startMs: number;
  durationUs: number;
  readonly unit: TextRange;
  /** the ids and the name point into it */
  view: DataView;
  /** start of the 16 bytes; −1 for log records, which are not de-duplicated */
  traceAt: number;
  spanAt: number;
  nameStart: number;
  nameEnd: number;
  httpStatus: number;
  /** 32 bits of the network's hash; stored with NETWORK only */
  network: number;
};

/** A record as read back. */
export type StoredRecord = {
  flags: number;
  /** index into the block's features */
  feature: number;
  keyLow: number;
  keyHigh: number;
  spanLow: number;
  spanHigh: number;
  startMs: number;
  durationUs: number;
  unitStart: number;
  unitEnd: number;
  /** 0 without NETWORK */
  network: number;
  /** start of trace id, span id, status and name; only with RAW */
  rawAt: number;
  /** where the next record begins */
  end: number;
};
