// Writes spans as OTLP protobuf into one piece of memory. No object of a span outlives its request, so the garbage
// collector has nothing to move. The parts that many spans share are encoded once.
import {
  ACTIVATION,
  encodeHead,
  encodeScore,
  encodeStatus,
  IS_BOT,
  KIND,
  NETWORK_KEY,
  REQUEST,
  STATUS_FAILED,
  UNFINISHED,
  UNIT_KEY,
  type Head,
  type SampledKind,
} from "./otlp-encoding.ts";

/** Spans of one request and one unit that say the same: one for each feature. */
export type RequestSpans = {
  /** Of the request's own trace context; null: the request begins a trace. */
  readonly parent: { readonly traceId: Uint8Array; readonly spanId: Uint8Array } | null;
  /** The request's method. */
  readonly name: string;
  readonly startMs: number;
  /** An exposure, an activation, or how a request ended. Exposures and activations have no end and no duration. */
  readonly says: "exposure" | "activation" | EndOfRequest;
  readonly unitId: string;
  /** 16 hexadecimal digits; null: not known */
  readonly network: string | null;
  readonly isBot: boolean;
  /** 0 … 1; null: not known */
  readonly captchaScore: number | null;
  /** By `encodeFeatureAttributes`. */
  readonly features: readonly Uint8Array[];
};

export type EndOfRequest = {
  readonly kind: SampledKind;
  /** How long the visitor waited for the upstream. */
  readonly durationMs: number;
  /** null: the upstream had not answered. */
  readonly status: number | null;
  /** The upstream broke the response off. */
  readonly isBroken: boolean;
  /** The visitor left, or the response hung: `durationMs` is how long it was waited for. */
  readonly isUnfinished: boolean;
};

/** An ExportTraceServiceRequest. `droppedSpans`: lost spans that it tells of. */
export type Batch = { readonly body: Uint8Array; readonly spans: number; readonly droppedSpans: number };

export const TRACES_TYPE = "application/x-protobuf";

/** A batch fits a message of a Cloudflare Queue, which may have 128 kB. */
const CAPACITY = 114_688;
/** No span is longer: the longest unit has 768 bytes, the longest feature 128. */
const MAX_SPAN = 2_048;
const MAX_NAME = 32;
const TRACE_RANDOM_BYTES = 12;
const SPAN_RANDOM_BYTES = 4;

const SPAN_TAG = 2 * 8 + 2;
const ATTRIBUTE_TAG = 9 * 8 + 2;
const TEXT_TAG = 1 * 8 + 2;
const VALUE_TAG = 2 * 8 + 2;
const TWO_32 = 2 ** 32;

const encoder = new TextEncoder();

/** Writes one batch after the other; `full` gets a batch that has no room for a further span. */
export class SpanWriter {
  private readonly bytes = new Uint8Array(CAPACITY);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly head: Head;
  private at: number;
  /** Ids are unique without a random number each: the isolate's own random bytes and a counter. */
  private isolate: Uint8Array | null = null;
  private ids = 0;
  private readonly random: (bytes: number) => Uint8Array;
  private readonly full: (batch: Batch) => void;
  /** Spans in the batch that is being written. */
  spans = 0;
  /** Spans that were lost since the batch before, which the next batch tells. */
  droppedSpans = 0;

  constructor(options: {
    region: string;
    random: (bytes: number) => Uint8Array;
    full: (batch: Batch) => void;
  }) {
    this.head = encodeHead(options.region);
    this.at = this.head.bytes.length;
    this.random = options.random;
    this.full = options.full;
    this.bytes.set(this.head.bytes);
  }

  write(request: RequestSpans): void {
    const traceNumber = request.parent === null ? this.nextId() : 0;
    let from = -1;
    let to = -1;
    for (const feature of request.features) {
      if (this.at + MAX_SPAN > CAPACITY) {
        this.full(this.take());
        from = -1;
      }
      this.bytes[this.at] = SPAN_TAG;
      const lengthAt = this.at + 1;
      this.at += 3;
      if (from < 0) {
        from = this.at;
        this.putRequest(request, traceNumber);
        to = this.at;
      } else {
        this.bytes.copyWithin(this.at, from, to);
        this.at += to - from;
      }
      this.putSpanId();
      this.put(feature);
      this.putLength(lengthAt, this.at - lengthAt - 2);
      this.spans++;
    }
  }

  /** The spans that were written since the last batch. */
  take(): Batch {
    const end = this.at;
    const { bytes: head, resourceSpansLengthAt, scopeSpansLengthAt, droppedSpansAt } = this.head;
    for (const at of [resourceSpansLengthAt, scopeSpansLengthAt]) this.putLongLength(at, end - at - 3);
    this.putCount(droppedSpansAt, this.droppedSpans);
    const batch = { body: this.bytes.slice(0, end), spans: this.spans, droppedSpans: this.droppedSpans };
    this.at = head.length;
    this.spans = 0;
    this.droppedSpans = 0;
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

  /** In two bytes, for any length below 2^14. */
  private putLength(at: number, length: number): void {
    this.bytes[at] = (length & 0x7f) | 0x80;
    this.bytes[at + 1] = length >> 7;
  }

  private putLongLength(at: number, length: number): void {
    this.bytes[at] = (length & 0x7f) | 0x80;
    this.bytes[at + 1] = ((length >> 7) & 0x7f) | 0x80;
    this.bytes[at + 2] = length >> 14;
  }

  /** In five bytes, for any number below 2^35. */
  private putCount(at: number, count: number): void {
    let rest = count;
    for (let i = 0; i < 4; i++) {
      this.bytes[at + i] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[at + 4] = rest & 0x7f;
  }

  /** A string field with its length. Text that is not ASCII goes through the encoder. */
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

  /** Nanoseconds since 1970 are more than 2^53: the ms are split at 2^20, so that every step is exact. */
  private putTime(field: number, ms: number): void {
    const wholeMs = Math.floor(ms);
    const high = Math.floor(wholeMs / 2 ** 20) * 1e6;
    const low = (high % 4_096) * 2 ** 20 + (wholeMs % 2 ** 20) * 1e6 + Math.floor((ms - wholeMs) * 1e6);
    this.bytes[this.at] = field * 8 + 1;
    this.view.setUint32(this.at + 1, low % TWO_32, true);
    this.view.setUint32(this.at + 5, Math.floor(high / 4_096) + Math.floor(low / TWO_32), true);
    this.at += 9;
  }

  /** An attribute with a text. */
  private putAttribute(key: Uint8Array, content: string): void {
    const { bytes, at } = this;
    const valueAt = at + 3 + key.length;
    this.at = valueAt + 3;
    this.putText(TEXT_TAG, content);
    bytes[at] = ATTRIBUTE_TAG;
    this.putLength(at + 1, this.at - at - 3);
    bytes.set(key, at + 3);
    bytes[valueAt] = VALUE_TAG;
    this.putLength(valueAt + 1, this.at - valueAt - 3);
  }

  /** The part of a span that is the same for all features of a request. */
  private putRequest(request: RequestSpans, traceNumber: number): void {
    const { parent, name, startMs, says } = request;
    if (parent === null) this.putOwnId(1, TRACE_RANDOM_BYTES, traceNumber);
    else {
      this.putId(1, parent.traceId);
      this.putId(4, parent.spanId);
    }
    this.putText(5 * 8 + 2, name.slice(0, MAX_NAME));
    this.put(KIND);
    this.putTime(7, startMs);
    this.putAttribute(UNIT_KEY, request.unitId);
    if (request.network !== null) this.putAttribute(NETWORK_KEY, request.network);
    if (request.isBot) this.put(IS_BOT);
    if (request.captchaScore !== null) this.put(encodeScore(request.captchaScore));
    if (says === "activation") this.put(ACTIVATION);
    else if (says !== "exposure") this.putEnd(startMs, says);
  }

  private putEnd(startMs: number, { kind, durationMs, status, isBroken, isUnfinished }: EndOfRequest): void {
    this.putTime(8, startMs + durationMs);
    this.put(REQUEST[kind]);
    if (isUnfinished) this.put(UNFINISHED);
    if (status !== null) this.put(encodeStatus(status));
    if (isBroken || (status !== null && status >= 500)) this.put(STATUS_FAILED);
  }
}
