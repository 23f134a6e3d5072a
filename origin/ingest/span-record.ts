// The record that the log stores of a span or log record.
import { BOT } from "../span-log/cohort-code.ts";
import {
  ACTIVATION,
  DOCUMENT,
  FAILED,
  NETWORK,
  NO_EXPOSURE,
  RAW,
  RETURNED,
  TIMED,
  UNFINISHED,
  type RecordDraft,
} from "../span-log/record.ts";
import { hash64, type Hash64 } from "../span-log/hash.ts";
import type { OtlpSignal } from "./otlp-request.ts";
import type { SpanFields } from "./span-fields.ts";

const MAX_DURATION_US = 2 ** 32 - 1;

/** The raw spans, which are also kept whole: a sample of `sampleBps` in 10,000 traces, and every failed or slow one. */
export type RawSampling = { readonly sampleBps: number; readonly slowMs: number };

const hash: Hash64 = { low: 0, high: 0 };

/**
 * The same answer for every span of a trace, in every process. By a hash of the whole id: not every sender has randomness in the
 * same bytes of it, and the edge counts up in the last ones.
 */
const isSampled = ({ view, traceAt, traceLength }: SpanFields, sampleBps: number): boolean => {
  hash64(view, traceAt, traceAt + traceLength, 0, 0, hash);
  return (hash.low >>> 0) * 10_000 < sampleBps * 2 ** 32;
};

/** Fills all of `record` but its feature. Of a bot's span neither latency nor the whole span is kept. */
export const fillRecord = (
  record: RecordDraft,
  signal: OtlpSignal,
  fields: SpanFields,
  cohort: number,
  raw: RawSampling,
): void => {
  const isPersonsSpan = signal === "traces" && cohort !== BOT;
  const isTimed = isPersonsSpan && fields.durationUs >= 0;
  const isRaw =
    isPersonsSpan &&
    (fields.failed || fields.durationUs >= raw.slowMs * 1_000 || isSampled(fields, raw.sampleBps));
  record.flags =
    cohort |
    (fields.activated ? ACTIVATION : 0) |
    (fields.returned ? RETURNED : 0) |
    (fields.failed ? FAILED : 0) |
    (isTimed ? TIMED : 0) |
    (isRaw ? RAW : 0) |
    (fields.noExposure ? NO_EXPOSURE : 0) |
    (isTimed && fields.isDocument ? DOCUMENT : 0) |
    (isTimed && fields.unfinished ? UNFINISHED : 0) |
    (fields.network >= 0 ? NETWORK : 0);
  record.network = Math.max(0, fields.network);
  record.startMs = fields.startMs;
  record.durationUs = isTimed ? Math.min(MAX_DURATION_US, Math.round(fields.durationUs)) : 0;
  record.unit.view = fields.unit.view;
  record.unit.start = fields.unit.start;
  record.unit.end = fields.unit.end;
  record.view = fields.view;
  record.traceAt = fields.traceAt;
  record.spanAt = fields.spanAt;
  record.nameStart = fields.nameStart;
  record.nameEnd = fields.nameEnd;
  record.httpStatus = fields.httpStatus;
};

/** A record to fill. */
export const emptyRecord = (feature: RecordDraft["feature"], view: DataView): RecordDraft => ({
  feature,
  flags: 0,
  startMs: 0,
  durationUs: 0,
  unit: { view, start: 0, end: 0 },
  view,
  traceAt: -1,
  spanAt: -1,
  nameStart: 0,
  nameEnd: 0,
  httpStatus: 0,
  network: 0,
});
