// Spans as OTLP protobuf (opentelemetry-proto v1: trace.proto, common.proto, resource.proto), written into one piece of
// memory as they are seen: no object of a span outlives its request, so the collector has nothing to move. What is the
// same for many spans is encoded once: a feature's attributes when it is first seen, a visit's with its first span.
import { attribute } from "../../shared/telemetry/attributes.ts";

/** What the edge saw of one unit in one request. */
export type Report = {
  /** Of the request's own trace context; null: it begins a trace. */
  readonly parent: { readonly traceId: Uint8Array; readonly spanId: Uint8Array } | null;
  /** the request's method */
  readonly name: string;
  readonly startMs: number;
  /** null: unknown; such a span has no end, and its duration is not counted. */
  readonly durationMs: number | null;
  readonly status: number;
  readonly unitId: string;
  readonly isBot: boolean;
  /** 0 … 1; null: not known */
  readonly captchaScore: number | null;
  /** A span each. */
  readonly features: readonly ReportedFeature[];
};

export type ReportedFeature = {
  /** by `encodeSubject` */
  readonly subject: Uint8Array;
  readonly actionTaken: boolean;
};

/** An ExportTraceServiceRequest. */
export type Batch = { readonly body: Uint8Array; readonly spans: number };

export const TRACES_TYPE = "application/x-protobuf";

/** A batch fits a message of a Cloudflare Queue, which may have 128 kB. */
const CAPACITY = 114_688;
/** No span is longer: the longest unit has 768 bytes, the longest feature 128. */
const MAX_SPAN = 2_048;
const MAX_NAME = 32;

const SPAN_KIND_SERVER = 2;
const STATUS_ERROR = 2;
const TRACE_RANDOM_BYTES = 12;
const SPAN_RANDOM_BYTES = 4;

const encoder = new TextEncoder();

type Bytes = readonly number[];

const varint = (value: number): Bytes =>
  value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
const number = (field: number, value: number): Bytes => [field * 8, ...varint(value)];
const message = (field: number, content: Bytes): Bytes => [
  field * 8 + 2,
  ...varint(content.length),
  ...content,
];
const text = (field: number, content: string): Bytes => message(field, [...encoder.encode(content)]);

/** A KeyValue with an AnyValue. */
const keyValue = (key: string, value: Bytes): Bytes => [...text(1, key), ...message(2, value)];
const ofSpan = (key: string, value: Bytes): Bytes => message(9, keyValue(key, value));
const YES = number(2, 1);
const whole = (value: number): Bytes => number(3, value);

const ACTION = Uint8Array.from(ofSpan(attribute.activated[0], YES));
const BOT = Uint8Array.from(ofSpan(attribute.isBot[0], YES));
const FAILED = Uint8Array.from(message(15, number(3, STATUS_ERROR)));
const KIND = Uint8Array.from(number(6, SPAN_KIND_SERVER));
const UNIT_KEY = Uint8Array.from(text(1, attribute.unitId[0]));

/** The attributes that name a feature, a cohort and an epoch. */
export const encodeSubject = (
  featureId: string,
  variant: "treatment" | "holdout",
  epoch: number,
): Uint8Array =>
  Uint8Array.from([
    ...ofSpan(attribute.featureId[0], text(1, featureId)),
    ...ofSpan(attribute.variant[0], text(1, variant)),
    ...ofSpan(attribute.epoch[0], whole(epoch)),
  ]);

const statuses = new Map<number, Uint8Array>();

const encodeStatus = (status: number): Uint8Array => {
  const known = statuses.get(status);
  if (known !== undefined) return known;
  const made = Uint8Array.from(ofSpan(attribute.httpStatus[0], whole(status)));
  statuses.set(status, made);
  return made;
};

const scores = new Map<number, Uint8Array>();

/** In hundredths, so there are no more than 101. */
const encodeScore = (score: number): Uint8Array => {
  const known = scores.get(score);
  if (known !== undefined) return known;
  const double = new Uint8Array(8);
  new DataView(double.buffer).setFloat64(0, score, true);
  const made = Uint8Array.from(ofSpan(attribute.captchaScore[0], [4 * 8 + 1, ...double]));
  scores.set(score, made);
  return made;
};

/** Lengths of the two outer messages are filled in when a batch is taken: three bytes each, of which a varint may waste. */
const UNKNOWN = [0, 0, 0];
const RESOURCE = message(1, message(1, keyValue("service.name", text(1, "sluice-edge"))));
const BEFORE_SCOPE = [1 * 8 + 2, ...UNKNOWN, ...RESOURCE, 2 * 8 + 2, ...UNKNOWN];
const HEAD = Uint8Array.from([...BEFORE_SCOPE, ...message(1, text(1, "sluice"))]);

const SPAN_TAG = 2 * 8 + 2;
const UNIT_TAG = 9 * 8 + 2;
const TEXT_TAG = 1 * 8 + 2;
const VALUE_TAG = 2 * 8 + 2;
const TWO_32 = 2 ** 32;

/** Writes one batch after the other; `full` takes one whenever there is no room for a further span. */
export class SpanWriter {
  private readonly bytes = new Uint8Array(CAPACITY);
  private readonly view = new DataView(this.bytes.buffer);
  private at = HEAD.length;
  /** Unique ids without a random number each: the isolate's own random bytes and a counter. */
  private isolate: Uint8Array | null = null;
  private ids = 0;
  private readonly random: (bytes: number) => Uint8Array;
  private readonly full: (batch: Batch) => void;
  /** Spans in the batch that is being written. */
  spans = 0;

  constructor(options: { random: (bytes: number) => Uint8Array; full: (batch: Batch) => void }) {
    this.random = options.random;
    this.full = options.full;
    this.bytes.set(HEAD);
  }

  write(report: Report): void {
    const traceNumber = report.parent === null ? this.nextId() : 0;
    let from = -1;
    let to = -1;
    for (const { subject, actionTaken } of report.features) {
      if (this.at + MAX_SPAN > CAPACITY) {
        this.full(this.take());
        from = -1;
      }
      this.bytes[this.at] = SPAN_TAG;
      const lengthAt = this.at + 1;
      this.at += 3;
      if (from < 0) {
        from = this.at;
        this.putVisit(report, traceNumber);
        to = this.at;
      } else {
        this.bytes.copyWithin(this.at, from, to);
        this.at += to - from;
      }
      this.putSpanId();
      this.put(subject);
      if (actionTaken) this.put(ACTION);
      this.putLength(lengthAt, this.at - lengthAt - 2);
      this.spans++;
    }
  }

  /** What was written since the last batch. */
  take(): Batch {
    const end = this.at;
    this.putLongLength(1, end - 4);
    this.putLongLength(BEFORE_SCOPE.length - 3, end - BEFORE_SCOPE.length);
    const batch = { body: this.bytes.slice(0, end), spans: this.spans };
    this.at = HEAD.length;
    this.spans = 0;
    return batch;
  }

  private nextId(): number {
    this.ids = (this.ids + 1) % TWO_32;
    return this.ids;
  }

  private put(part: Uint8Array): void {
    this.bytes.set(part, this.at);
    this.at += part.length;
  }

  private putId(field: number, id: Uint8Array): void {
    this.bytes[this.at] = field * 8 + 2;
    this.bytes[this.at + 1] = id.length;
    this.bytes.set(id, this.at + 2);
    this.at += 2 + id.length;
  }

  /** An id of `randomBytes` of the isolate's own and a number. */
  private putOwnId(field: number, randomBytes: number, id: number): void {
    const { bytes, at } = this;
    const isolate = (this.isolate ??= this.random(TRACE_RANDOM_BYTES));
    bytes[at] = field * 8 + 2;
    bytes[at + 1] = randomBytes + 4;
    for (let i = 0; i < randomBytes; i++) bytes[at + 2 + i] = isolate[i] ?? 0;
    this.view.setUint32(at + 2 + randomBytes, id);
    this.at = at + 2 + randomBytes + 4;
  }

  private putSpanId(): void {
    this.putOwnId(2, SPAN_RANDOM_BYTES, this.nextId());
  }

  /** In two bytes, whatever it is below 2^14. */
  private putLength(at: number, length: number): void {
    this.bytes[at] = (length & 0x7f) | 0x80;
    this.bytes[at + 1] = length >> 7;
  }

  private putLongLength(at: number, length: number): void {
    this.bytes[at] = (length & 0x7f) | 0x80;
    this.bytes[at + 1] = ((length >> 7) & 0x7f) | 0x80;
    this.bytes[at + 2] = length >> 14;
  }

  /** A string field with its length; what is not ASCII takes the way through the encoder. */
  private putText(tag: number, content: string): void {
    const { bytes } = this;
    const start = this.at + 3;
    let seen = 0;
    for (let i = 0; i < content.length; i++) {
      const code = content.charCodeAt(i);
      seen |= code;
      bytes[start + i] = code;
    }
    const length = seen < 0x80 ? content.length : encoder.encodeInto(content, bytes.subarray(start)).written;
    bytes[this.at] = tag;
    this.putLength(this.at + 1, length);
    this.at = start + length;
  }

  /** ns since 1970 pass 2^53: the ms are taken apart at 2^20, so that every step is exact. */
  private putTime(field: number, ms: number): void {
    const wholeMs = Math.floor(ms);
    const high = Math.floor(wholeMs / 2 ** 20) * 1e6;
    const low = (high % 4_096) * 2 ** 20 + (wholeMs % 2 ** 20) * 1e6 + Math.floor((ms - wholeMs) * 1e6);
    this.bytes[this.at] = field * 8 + 1;
    this.view.setUint32(this.at + 1, low % TWO_32, true);
    this.view.setUint32(this.at + 5, Math.floor(high / 4_096) + Math.floor(low / TWO_32), true);
    this.at += 9;
  }

  private putUnit(unitId: string): void {
    const { bytes, at } = this;
    const valueAt = at + 3 + UNIT_KEY.length;
    this.at = valueAt + 3;
    this.putText(TEXT_TAG, unitId);
    bytes[at] = UNIT_TAG;
    this.putLength(at + 1, this.at - at - 3);
    bytes.set(UNIT_KEY, at + 3);
    bytes[valueAt] = VALUE_TAG;
    this.putLength(valueAt + 1, this.at - valueAt - 3);
  }

  private putVisit(report: Report, traceNumber: number): void {
    const { parent, name, startMs, durationMs, status } = report;
    if (parent === null) this.putOwnId(1, TRACE_RANDOM_BYTES, traceNumber);
    else {
      this.putId(1, parent.traceId);
      this.putId(4, parent.spanId);
    }
    this.putText(5 * 8 + 2, name.slice(0, MAX_NAME));
    this.put(KIND);
    this.putTime(7, startMs);
    if (durationMs !== null) this.putTime(8, startMs + durationMs);
    this.putUnit(report.unitId);
    this.put(encodeStatus(status));
    if (report.isBot) this.put(BOT);
    if (report.captchaScore !== null) this.put(encodeScore(report.captchaScore));
    if (status >= 500) this.put(FAILED);
  }
}
