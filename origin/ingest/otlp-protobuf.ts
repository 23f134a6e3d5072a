// Reads OTLP export requests in protobuf: only the fields that are needed, without building objects. Field numbers:
// opentelemetry-proto, trace.proto and logs.proto.
import { viewOf } from "../span-log/bytes.ts";
import { whyMalformed } from "./malformed.ts";
import type { OtlpSignal } from "./otlp-request.ts";
import { readAttribute, readNamedAttribute } from "./protobuf-attributes.ts";
import {
  BYTES,
  checkText,
  eachMessage,
  expectType,
  FIXED64,
  ProtobufReader,
  VARINT,
} from "./protobuf-reader.ts";
import { noResource, setResourceAttribute } from "./resource-attributes.ts";
import { isEvaluationName } from "./span-attributes.ts";
import type { SpanBatch } from "./span-batch.ts";
import type { SpanFields } from "./span-fields.ts";

const STATUS_ERROR = 2;

const readStatus = (reader: ProtobufReader, end: number): boolean => {
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

/**
 * Whole ms of nanoseconds that come in two halves. Exact, although the sum of the halves may pass 2^53: 2^32 ns are
 * 4294 ms and 967,296 ns.
 */
const msOf = (high: number, low: number): number => high * 4_294 + Math.floor((high * 967_296 + low) / 1e6);

const readSpan = (reader: ProtobufReader, end: number, fields: SpanFields): void => {
  let startHigh = 0;
  let startLow = 0;
  let endHigh = 0;
  let endLow = 0;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag >>> 3) {
      case 1: // trace_id
        expectType(tag, BYTES);
        reader.range(end);
        fields.traceAt = reader.start;
        fields.traceLength = reader.end - reader.start;
        break;
      case 2: // span_id
        expectType(tag, BYTES);
        reader.range(end);
        fields.spanAt = reader.start;
        fields.spanLength = reader.end - reader.start;
        break;
      case 5: // name
        expectType(tag, BYTES);
        reader.range(end);
        checkText(reader.view, reader.start, reader.end);
        fields.nameStart = reader.start;
        fields.nameEnd = reader.end;
        break;
      case 7: // start_time_unix_nano
        expectType(tag, FIXED64);
        reader.fixed64(end);
        startHigh = reader.high;
        startLow = reader.low;
        break;
      case 8: // end_time_unix_nano
        expectType(tag, FIXED64);
        reader.fixed64(end);
        endHigh = reader.high;
        endLow = reader.low;
        break;
      case 9: {
        // attributes
        expectType(tag, BYTES);
        const after = reader.message(end);
        readAttribute(reader, after, fields);
        reader.at = after;
        break;
      }
      case 15: {
        // status
        expectType(tag, BYTES);
        const after = reader.message(end);
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

const readLog = (reader: ProtobufReader, end: number, fields: SpanFields): void => {
  let observedMs = 0;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag >>> 3) {
      case 1: // time_unix_nano
        expectType(tag, FIXED64);
        reader.fixed64(end);
        fields.startMs = msOf(reader.high, reader.low);
        break;
      case 6: {
        // attributes
        expectType(tag, BYTES);
        const after = reader.message(end);
        readAttribute(reader, after, fields);
        reader.at = after;
        break;
      }
      case 11: // observed_time_unix_nano
        expectType(tag, FIXED64);
        reader.fixed64(end);
        observedMs = msOf(reader.high, reader.low);
        break;
      case 12: // event_name
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

/** Resource: its attributes, of each resource that says where it is. */
const readResource = (reader: ProtobufReader, end: number, batch: SpanBatch): void => {
  const resource = noResource();
  eachMessage(reader, end, 1, (attributeEnd) =>
    readNamedAttribute(reader, attributeEnd, (name, value) => setResourceAttribute(resource, name, value)),
  );
  batch.addResource(resource);
};

/**
 * Adds the spans or log records of an Export…ServiceRequest to the batch. Returns why the body is no such message, or
 * null; the batch is of no use when it is malformed.
 */
export const readProtobuf = (body: Uint8Array, signal: OtlpSignal, batch: SpanBatch): string | null =>
  whyMalformed(() => {
    const view = viewOf(body);
    const reader = new ProtobufReader(view);
    const readItem = signal === "traces" ? readSpan : readLog;
    eachMessage(reader, body.length, 1, (resourceEnd) => {
      const { at } = reader;
      eachMessage(reader, resourceEnd, 1, (end) => readResource(reader, end, batch));
      reader.at = at;
      eachMessage(reader, resourceEnd, 2, (scopeEnd) => {
        eachMessage(reader, scopeEnd, 2, (itemEnd) => {
          const fields = batch.next(view);
          readItem(reader, itemEnd, fields);
          batch.add(fields);
        });
      });
    });
  });
