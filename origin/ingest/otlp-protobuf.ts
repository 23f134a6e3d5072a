// Reads OTLP export requests in protobuf, only the fields that are needed, without building objects. Field numbers:
// opentelemetry-proto, trace.proto, logs.proto, common.proto. Groups (deprecated, in no OTLP message) and fields of a
// wrong wire type make a request malformed.
import { isUtf8 } from "node:buffer";
import { setFlagsFromString } from "node:v8";
import { bytesOf, isAscii, viewOf } from "../span-log/bytes.ts";
import {
  clearFields,
  emptyFields,
  isEvaluationName,
  knownName,
  setAttribute,
  type AttributeValue,
  type SpanFields,
} from "./span-fields.ts";

// Reading a span is some hundred calls of functions of a few instructions. V8 stops inlining after so many bytes of code
// in one place, and its defaults leave a quarter of the time to the calls.
setFlagsFromString("--max-inlined-bytecode-size-cumulative=6000");
setFlagsFromString("--max-inlined-bytecode-size=3000");

/** Thrown by the reader, caught at `readProtobuf`: nothing else may throw in there. */
class Malformed extends Error {}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const STATUS_ERROR = 2;

/** A cursor over a message. Numbers above 2^53 lose their last bits; only lengths and small numbers are read so. */
class Reader {
  readonly view: DataView;
  at = 0;
  /** bounds of the last bytes field */
  start = 0;
  end = 0;
  /** halves of the last fixed64 */
  high = 0;
  low = 0;
  /** One of each kind, written over: a value lives until the next one is read. */
  readonly text: Extract<AttributeValue, { kind: "text" }>;
  readonly number = { kind: "number" as const, value: 0 };
  readonly boolean = { kind: "boolean" as const, value: false };

  constructor(view: DataView) {
    this.view = view;
    this.text = { kind: "text", view, start: 0, end: 0 };
  }

  varint(limit: number): number {
    if (this.at < limit) {
      const first = this.view.getUint8(this.at);
      if (first < 0x80) {
        this.at++;
        return first;
      }
    }
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= limit) throw new Malformed("a number is cut off");
      const byte = this.view.getUint8(this.at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new Malformed("a number is too long");
  }

  /** int64 in ten bytes of two's complement */
  signed(limit: number): number {
    const value = this.varint(limit);
    return value >= 2 ** 63 ? value - 2 ** 64 : value;
  }

  tag(limit: number): number {
    const tag = this.varint(limit);
    if (tag < 8 || tag >= 2 ** 32) throw new Malformed("a field has an impossible number");
    return tag;
  }

  range(limit: number): void {
    const length = this.varint(limit);
    if (length > limit - this.at) throw new Malformed("a field is longer than its message");
    this.start = this.at;
    this.end = this.at + length;
    this.at = this.end;
  }

  /** As two halves: together they may pass 2^53. */
  fixed64(limit: number): void {
    if (limit - this.at < 8) throw new Malformed("a number is cut off");
    this.low = this.view.getUint32(this.at, true);
    this.high = this.view.getUint32(this.at + 4, true);
    this.at += 8;
  }

  double(limit: number): number {
    if (limit - this.at < 8) throw new Malformed("a number is cut off");
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  skip(wireType: number, limit: number): void {
    if (wireType === VARINT) this.varint(limit);
    else if (wireType === BYTES) this.range(limit);
    else if (wireType === FIXED64 || wireType === FIXED32) {
      this.at += wireType === FIXED64 ? 8 : 4;
      if (this.at > limit) throw new Malformed("a field is cut off");
    } else throw new Malformed("a field has a wire type that OTLP does not use");
  }
}

const expectType = (tag: number, wireType: number): void => {
  if ((tag & 7) !== wireType) throw new Malformed("a field has the wrong wire type");
};

/** Calls `visit` at each field `number`, a message, of the message that ends at `end`; skips the others. */
const eachMessage = (
  reader: Reader,
  end: number,
  number: number,
  visit: (start: number, end: number) => void,
): void => {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag >>> 3 !== number) {
      reader.skip(tag & 7, end);
      continue;
    }
    expectType(tag, BYTES);
    reader.range(end);
    const after = reader.at;
    reader.at = reader.start;
    visit(reader.start, after);
    reader.at = after;
  }
};

const checkText = (view: DataView, start: number, end: number): void => {
  if (!isAscii(view, start, end) && !isUtf8(bytesOf(view, start, end)))
    throw new Malformed("a text is not UTF-8");
};

/** AnyValue; arrays, lists and bytes are no values of ours. */
const readValue = (reader: Reader, end: number): AttributeValue | undefined => {
  let value: AttributeValue | undefined;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag >>> 3) {
      case 1:
        expectType(tag, BYTES);
        reader.range(end);
        checkText(reader.view, reader.start, reader.end);
        value = reader.text;
        value.start = reader.start;
        value.end = reader.end;
        break;
      case 2:
        expectType(tag, VARINT);
        value = reader.boolean;
        value.value = reader.varint(end) !== 0;
        break;
      case 3:
        expectType(tag, VARINT);
        value = reader.number;
        value.value = reader.signed(end);
        break;
      case 4:
        expectType(tag, FIXED64);
        value = reader.number;
        value.value = reader.double(end);
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
  return value;
};

/** Reads the AnyValue at [start, end) if the key is known; leaves the reader anywhere. */
const readKnown = (
  reader: Reader,
  keyStart: number,
  keyEnd: number,
  start: number,
  end: number,
  fields: SpanFields,
): void => {
  const known = knownName(reader.view, keyStart, keyEnd);
  if (known === undefined) return;
  reader.at = start;
  const value = readValue(reader, end);
  if (value !== undefined) setAttribute(fields, known, value);
};

/** A field of so many bytes, fewer than 128, as the two bytes that it begins with. */
const shortBytes = (number: number, length: number): number => (((number << 3) | BYTES) << 8) | length;

/** KeyValue: the value may come before its key. */
const readAttribute = (reader: Reader, end: number, fields: SpanFields): void => {
  const { view, at: start } = reader;
  // As nearly all are written: a short key, then a short value, and nothing else.
  if (end - start >= 4) {
    const keyLength = view.getUint8(start + 1);
    const valueStart = start + 2 + keyLength + 2;
    const valueLength = end - valueStart;
    if (
      keyLength < 0x80 &&
      valueLength >= 0 &&
      valueLength < 0x80 &&
      view.getUint16(start) === shortBytes(1, keyLength) &&
      view.getUint16(valueStart - 2) === shortBytes(2, valueLength)
    )
      return readKnown(reader, start + 2, valueStart - 2, valueStart, end, fields);
  }
  readLongAttribute(reader, end, fields);
};

const readLongAttribute = (reader: Reader, end: number, fields: SpanFields): void => {
  let keyStart = -1;
  let keyEnd = -1;
  let valueStart = -1;
  let valueEnd = -1;
  while (reader.at < end) {
    const tag = reader.tag(end);
    const number = tag >>> 3;
    if (number === 1 || number === 2) {
      expectType(tag, BYTES);
      reader.range(end);
      if (number === 1) {
        keyStart = reader.start;
        keyEnd = reader.end;
      } else {
        valueStart = reader.start;
        valueEnd = reader.end;
      }
    } else reader.skip(tag & 7, end);
  }
  if (keyStart >= 0 && valueStart >= 0) readKnown(reader, keyStart, keyEnd, valueStart, valueEnd, fields);
};

const readStatus = (reader: Reader, end: number): boolean => {
  let failed = false;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag >>> 3 === 3) {
      expectType(tag, VARINT);
      failed = reader.varint(end) === STATUS_ERROR;
    } else reader.skip(tag & 7, end);
  }
  return failed;
};

const HIGH = 2 ** 32;

/** Whole ms of nanoseconds in two halves. Exact, where their sum would pass 2^53: 2^32 ns are 4294 ms and 967,296 ns. */
const msOf = (high: number, low: number): number => high * 4_294 + Math.floor((high * 967_296 + low) / 1e6);

const readSpan = (reader: Reader, end: number, fields: SpanFields): void => {
  let startHigh = 0;
  let startLow = 0;
  let endHigh = 0;
  let endLow = 0;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag >>> 3) {
      case 1:
        expectType(tag, BYTES);
        reader.range(end);
        fields.traceAt = reader.start;
        fields.traceLength = reader.end - reader.start;
        break;
      case 2:
        expectType(tag, BYTES);
        reader.range(end);
        fields.spanAt = reader.start;
        fields.spanLength = reader.end - reader.start;
        break;
      case 5:
        expectType(tag, BYTES);
        reader.range(end);
        checkText(reader.view, reader.start, reader.end);
        fields.nameStart = reader.start;
        fields.nameEnd = reader.end;
        break;
      case 7: {
        expectType(tag, FIXED64);
        reader.fixed64(end);
        startHigh = reader.high;
        startLow = reader.low;
        break;
      }
      case 8: {
        expectType(tag, FIXED64);
        reader.fixed64(end);
        endHigh = reader.high;
        endLow = reader.low;
        break;
      }
      case 9: {
        expectType(tag, BYTES);
        reader.range(end);
        const after = reader.at;
        reader.at = reader.start;
        readAttribute(reader, after, fields);
        reader.at = after;
        break;
      }
      case 15: {
        expectType(tag, BYTES);
        reader.range(end);
        const after = reader.at;
        reader.at = reader.start;
        if (readStatus(reader, after)) fields.failed = true;
        reader.at = after;
        break;
      }
      default:
        reader.skip(tag & 7, end);
    }
  }
  fields.startMs = msOf(startHigh, startLow);
  // The difference of the halves is exact, the halves themselves are not.
  const durationUs = ((endHigh - startHigh) * HIGH + (endLow - startLow)) / 1_000;
  fields.durationUs = durationUs >= 0 ? durationUs : -1;
};

const readLog = (reader: Reader, end: number, fields: SpanFields): void => {
  let observedMs = 0;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag >>> 3) {
      case 1: {
        expectType(tag, FIXED64);
        reader.fixed64(end);
        fields.startMs = msOf(reader.high, reader.low);
        break;
      }
      case 6: {
        expectType(tag, BYTES);
        reader.range(end);
        const after = reader.at;
        reader.at = reader.start;
        readAttribute(reader, after, fields);
        reader.at = after;
        break;
      }
      case 11: {
        expectType(tag, FIXED64);
        reader.fixed64(end);
        observedMs = msOf(reader.high, reader.low);
        break;
      }
      case 12:
        expectType(tag, BYTES);
        reader.range(end);
        if (isEvaluationName(reader.view, reader.start, reader.end)) fields.isEvaluation = true;
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
  if (fields.startMs === 0) fields.startMs = observedMs;
};

export type OtlpSignal = "traces" | "logs";

/**
 * Calls `visit` with each span or log record of an Export…ServiceRequest. The fields are overwritten for the next one.
 * Returns why the body is no such message, or null; `visit` may have been called before that shows.
 */
export const readProtobuf = (
  body: Uint8Array,
  signal: OtlpSignal,
  visit: (fields: SpanFields) => void,
): string | null => {
  const view = viewOf(body);
  const reader = new Reader(view);
  const fields = emptyFields();
  const readItem = signal === "traces" ? readSpan : readLog;
  try {
    eachMessage(reader, body.length, 1, (_resourceStart, resourceEnd) => {
      eachMessage(reader, resourceEnd, 2, (_scopeStart, scopeEnd) => {
        eachMessage(reader, scopeEnd, 2, (_itemStart, itemEnd) => {
          clearFields(fields, view);
          readItem(reader, itemEnd, fields);
          visit(fields);
        });
      });
    });
    return null;
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
};
