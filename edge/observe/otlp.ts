// Spans as OTLP/HTTP JSON (https://opentelemetry.io/docs/specs/otlp/: hex ids, 64-bit numbers as strings). Written as
// text from parts that are encoded once a feature and once a request: with 100 features this is the gate's largest cost.
import { attribute } from "../../shared/telemetry.ts";

/** What all spans of one request share. */
export type Visit = {
  readonly traceId: string;
  readonly parentSpanId: string | null;
  /** the request's method */
  readonly name: string;
  readonly startMs: number;
  /** null: unknown; such a span ends at 0, and its duration is not counted. */
  readonly durationMs: number | null;
  readonly status: number;
  readonly unitId: string;
  readonly isBot: boolean;
};

/** What the edge saw of one unit and one feature in one request. */
export type EdgeSpan = {
  readonly visit: Visit;
  readonly spanId: string;
  /** by `encodeSubject` */
  readonly subject: string;
  readonly actionTaken: boolean;
};

const SPAN_KIND_SERVER = 2;
const STATUS_ERROR = 2;

const text = (key: string, value: string): string => JSON.stringify({ key, value: { stringValue: value } });
const whole = (key: string, value: number): string =>
  JSON.stringify({ key, value: { intValue: String(value) } });
const yes = (key: string): string => JSON.stringify({ key, value: { boolValue: true } });

const ACTION = `,${yes(attribute.actionTaken[0])}`;
const BOT = `,${yes(attribute.isBot[0])}`;
const FAILED = `,"status":{"code":${STATUS_ERROR}}`;

/** ms since 1970 as decimal nanoseconds; ms times a million passes 2^53, so the digits are put together. */
const nanos = (ms: number): string => {
  const wholeMs = Math.floor(ms);
  return `${wholeMs}${String(Math.floor((ms - wholeMs) * 1_000_000)).padStart(6, "0")}`;
};

/** The attributes that name a feature, a cohort and an epoch. */
export const encodeSubject = (featureId: string, variant: "treatment" | "holdout", epoch: number): string =>
  [
    text(attribute.featureId[0], featureId),
    text(attribute.variant[0], variant),
    whole(attribute.epoch[0], epoch),
  ].join(",");

const encodeVisit = (visit: Visit): { before: string; after: string; end: string } => {
  const parent = visit.parentSpanId === null ? "" : `"parentSpanId":"${visit.parentSpanId}",`;
  const end = visit.durationMs === null ? "0" : nanos(visit.startMs + visit.durationMs);
  const times = `"startTimeUnixNano":"${nanos(visit.startMs)}","endTimeUnixNano":"${end}"`;
  const name = JSON.stringify(visit.name);
  return {
    before: `{"traceId":"${visit.traceId}",${parent}"name":${name},"kind":${SPAN_KIND_SERVER},${times},"spanId":"`,
    after: `","attributes":[${text(attribute.unitId[0], visit.unitId)},${whole(attribute.httpStatus[0], visit.status)}${visit.isBot ? BOT : ""},`,
    end: `]${visit.status >= 500 ? FAILED : ""}}`,
  };
};

const HEAD = `{"resourceSpans":[{"resource":{"attributes":[${text("service.name", "sluice-edge")}]},"scopeSpans":[{"scope":{"name":"sluice"},"spans":[`;
const TAIL = "]}]}]}";

/** Body of `POST /v1/traces`. Spans of one visit stand together. */
export const encodeTraces = (spans: readonly EdgeSpan[]): string => {
  let visit: Visit | null = null;
  let parts = { before: "", after: "", end: "" };
  let body = HEAD;
  let separator = "";
  for (const span of spans) {
    if (span.visit !== visit) {
      ({ visit } = span);
      parts = encodeVisit(visit);
    }
    body += separator + parts.before + span.spanId + parts.after + span.subject;
    body += (span.actionTaken ? ACTION : "") + parts.end;
    separator = ",";
  }
  return body + TAIL;
};

/** What is posted to the origin. */
export type TracesBody = {
  readonly body: string | ArrayBuffer;
  readonly headers: Readonly<Record<string, string>>;
};

/** Up to this length a body goes out in one piece, and packing it would not pay. */
const PACK_FROM = 8_192;

const TYPE = { "Content-Type": "application/json" };

const pack = (body: string): Promise<ArrayBuffer> =>
  new Response(new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();

export const packTraces = (spans: readonly EdgeSpan[]): Promise<ArrayBuffer> => pack(encodeTraces(spans));

/** What `packTraces` made, as a body. */
export const packedBody = (packed: ArrayBuffer): TracesBody => ({
  body: packed,
  headers: { ...TYPE, "Content-Encoding": "gzip" },
});

/**
 * A body as it is sent. workerd writes a body in pieces of 8 KiB, each in a turn of its own: on a starved machine a
 * batch took longer than its deadline, where the packed one (a twentieth) leaves in one piece.
 */
export const tracesBody = async (spans: readonly EdgeSpan[]): Promise<TracesBody> => {
  const body = encodeTraces(spans);
  return body.length < PACK_FROM ? { body, headers: TYPE } : packedBody(await pack(body));
};
