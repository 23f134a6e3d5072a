// The parts of OTLP protobuf that are the same in many spans (opentelemetry-proto v1: trace.proto, common.proto,
// resource.proto), each encoded once.
import type { ComparedCohort } from "../../shared/features/assign.ts";
import { attribute, DOCUMENT_REQUEST, resourceAttribute } from "../../shared/telemetry/attributes.ts";

/** Of requests that people wait for: a page, or what a script of a page fetches. */
export type SampledKind = "document" | "fetch";

const SPAN_KIND_SERVER = 2;
const STATUS_ERROR = 2;

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
const spanAttribute = (key: string, value: Bytes): Bytes => message(9, keyValue(key, value));
const TRUE = number(2, 1);
const int = (value: number): Bytes => number(3, value);

const NO_EXPOSURE = spanAttribute(attribute.exposure[0], number(2, 0));

export const ACTIVATION = Uint8Array.from([...spanAttribute(attribute.activated[0], TRUE), ...NO_EXPOSURE]);
export const UNFINISHED = Uint8Array.from(spanAttribute(attribute.unfinished[0], TRUE));
export const IS_BOT = Uint8Array.from(spanAttribute(attribute.isBot[0], TRUE));
export const STATUS_FAILED = Uint8Array.from(message(15, number(3, STATUS_ERROR)));
export const KIND = Uint8Array.from(number(6, SPAN_KIND_SERVER));
export const UNIT_KEY = Uint8Array.from(text(1, attribute.unitId[0]));
export const NETWORK_KEY = Uint8Array.from(text(1, attribute.network[0]));

/** The attributes that name a feature, a cohort and an epoch. */
export const encodeFeatureAttributes = (
  featureId: string,
  cohort: ComparedCohort,
  epoch: number,
): Uint8Array =>
  Uint8Array.from([
    ...spanAttribute(attribute.featureId[0], text(1, featureId)),
    ...spanAttribute(attribute.variant[0], text(1, cohort)),
    ...spanAttribute(attribute.epoch[0], int(epoch)),
  ]);

const requestOf = (kind: SampledKind): Uint8Array =>
  Uint8Array.from([...spanAttribute(attribute.requestKind[0], text(1, kind)), ...NO_EXPOSURE]);

/** A sampled request: latency and errors are counted from it. */
export const REQUEST: Readonly<Record<SampledKind, Uint8Array>> = {
  document: requestOf(DOCUMENT_REQUEST),
  fetch: requestOf("fetch"),
};

/** Encodes each value once: there are few, and the result is always the same. */
const once = (encode: (value: number) => Bytes): ((value: number) => Uint8Array) => {
  const encoded = new Map<number, Uint8Array>();
  return (value) => {
    const known = encoded.get(value);
    if (known !== undefined) return known;
    const bytes = Uint8Array.from(encode(value));
    encoded.set(value, bytes);
    return bytes;
  };
};

export const encodeStatus = once((status) => spanAttribute(attribute.httpStatus[0], int(status)));

/** `score` is in hundredths, so there are no more than 101. */
export const encodeScore = once((score) => {
  const double = new Uint8Array(8);
  new DataView(double.buffer).setFloat64(0, score, true);
  return spanAttribute(attribute.captchaScore[0], [4 * 8 + 1, ...double]);
});

/** The lengths of the two outer messages are filled in when a batch is taken: three bytes each. */
const UNKNOWN = [0, 0, 0];
/** So is the number of dropped spans, in five. */
const UNKNOWN_COUNT = [0, 0, 0, 0, 0];

/** The beginning of every batch, and where in it is filled in what only the whole batch knows. */
export type Head = {
  readonly bytes: Uint8Array;
  readonly resourceSpansLengthAt: number;
  readonly scopeSpansLengthAt: number;
  readonly droppedSpansAt: number;
};

export const encodeHead = (region: string): Head => {
  const resource = message(1, [
    ...message(1, keyValue("service.name", text(1, "sluice-edge"))),
    ...message(1, keyValue(resourceAttribute.region, text(1, region))),
    ...message(1, keyValue(resourceAttribute.droppedSpans, [3 * 8, ...UNKNOWN_COUNT])),
  ]);
  const beforeScope = [1 * 8 + 2, ...UNKNOWN, ...resource, 2 * 8 + 2, ...UNKNOWN];
  return {
    bytes: Uint8Array.from([...beforeScope, ...message(1, text(1, "sluice"))]),
    resourceSpansLengthAt: 1,
    scopeSpansLengthAt: beforeScope.length - 3,
    droppedSpansAt: beforeScope.length - 4 - UNKNOWN_COUNT.length,
  };
};
