// Reads OTLP export requests in JSON: the protobuf mapping with OTLP's exceptions (ids in hex, enums as numbers, unknown
// fields ignored). Fills the same fields as the protobuf reader.
import { EVALUATION_EVENT } from "../../shared/telemetry/attributes.ts";
import { MalformedError, whyMalformed } from "./malformed.ts";
import type { OtlpSignal } from "./otlp-request.ts";
import { noResource, setResourceAttribute } from "./resource-attributes.ts";
import { knownNames, setAttribute, type AttributeValue } from "./span-attributes.ts";
import type { SpanBatch } from "./span-batch.ts";
import type { SpanFields } from "./span-fields.ts";
import { TextBuffer } from "./text-buffer.ts";

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** null and absent are the same in protobuf's JSON. */
const objects = (parent: JsonObject, name: string): JsonObject[] => {
  const value = parent[name] ?? [];
  if (!Array.isArray(value) || !value.every(isObject))
    throw new MalformedError(`${name} must be a list of objects`);
  return value;
};

const text = (parent: JsonObject, name: string): string => {
  const value = parent[name] ?? "";
  if (typeof value !== "string") throw new MalformedError(`${name} must be a string`);
  return value;
};

/** A 64-bit integer as decimal text or number. */
const integer = (value: unknown, name: string): number => {
  const number = typeof value === "string" && value !== "" && value.length <= 20 ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && Math.abs(number) <= 2 ** 64) return number;
  throw new MalformedError(`${name} must be an integer`);
};

type Time = { ms: number; ns: number };

const isDigits = (value: string): boolean => {
  for (let i = 0; i < value.length; i++) {
    const digit = value.codePointAt(i) ?? 0;
    if (digit < 0x30 || digit > 0x39) return false;
  }
  return true;
};

/** Nanoseconds since 1970 as whole milliseconds and the rest: together they pass 2^53. */
const nanoseconds = (parent: JsonObject, name: string): Time => {
  const value = parent[name] ?? 0;
  if (typeof value === "number" && value >= 0 && value < 2 ** 64)
    return { ms: Math.floor(value / 1e6), ns: value % 1e6 };
  if (typeof value === "string" && value.length <= 20 && isDigits(value))
    return { ms: Number(value.slice(0, -6)), ns: Number(value.slice(-6)) };
  throw new MalformedError(`${name} must be a time`);
};

/** Beyond 2^53 it stays text: as a number it would be another user's id. */
const integerValue = (intValue: unknown, texts: TextBuffer): AttributeValue => {
  const value = integer(intValue, "intValue");
  if (Number.isSafeInteger(value)) return { kind: "number", value };
  if (typeof intValue !== "string")
    throw new MalformedError("intValue beyond 2^53 must be text, since JSON numbers lose its last digits");
  const start = texts.at;
  const end = texts.writeText(BigInt.asIntN(64, BigInt(intValue)).toString());
  return { kind: "text", view: texts.view, start, end };
};

const attributeValue = (value: JsonObject, texts: TextBuffer): AttributeValue | undefined => {
  const { stringValue, boolValue, intValue, doubleValue } = value;
  if (stringValue !== undefined && stringValue !== null) {
    const start = texts.at;
    const end = texts.writeText(text(value, "stringValue"));
    return { kind: "text", view: texts.view, start, end };
  }
  if (boolValue !== undefined && boolValue !== null) {
    if (typeof boolValue !== "boolean") throw new MalformedError("boolValue must be a boolean");
    return { kind: "boolean", value: boolValue };
  }
  if (intValue !== undefined && intValue !== null) return integerValue(intValue, texts);
  if (doubleValue !== undefined && doubleValue !== null) {
    const number = typeof doubleValue === "string" ? Number(doubleValue) : doubleValue;
    if (typeof number !== "number") throw new MalformedError("doubleValue must be a number");
    return { kind: "number", value: number };
  }
  return undefined;
};

const readAttributes = (parent: JsonObject, fields: SpanFields, texts: TextBuffer): void => {
  for (const entry of objects(parent, "attributes")) {
    const known = knownNames.get(text(entry, "key"));
    if (known === undefined || !isObject(entry["value"])) continue;
    const value = attributeValue(entry["value"], texts);
    if (value !== undefined) setAttribute(fields, known, value);
  }
};

const readResource = (resourceItems: JsonObject, texts: TextBuffer, batch: SpanBatch): void => {
  const { resource } = resourceItems;
  if (!isObject(resource)) return;
  const fields = noResource();
  for (const entry of objects(resource, "attributes")) {
    if (!isObject(entry["value"])) continue;
    const value = attributeValue(entry["value"], texts);
    if (value !== undefined) setResourceAttribute(fields, text(entry, "key"), value);
  }
  batch.addResource(fields);
};

const writeId = (span: JsonObject, name: string, texts: TextBuffer): number => {
  const end = texts.writeHex(text(span, name));
  if (end === null) throw new MalformedError(`${name} must be hexadecimal`);
  return end;
};

const readSpan = (span: JsonObject, texts: TextBuffer, batch: SpanBatch): SpanFields => {
  const traceAt = texts.at;
  const spanAt = writeId(span, "traceId", texts);
  const nameStart = writeId(span, "spanId", texts);
  const nameEnd = texts.writeText(text(span, "name"));
  const fields = batch.next(texts.view);
  fields.traceAt = traceAt;
  fields.traceLength = spanAt - traceAt;
  fields.spanAt = spanAt;
  fields.spanLength = nameStart - spanAt;
  fields.nameStart = nameStart;
  fields.nameEnd = nameEnd;
  const start = nanoseconds(span, "startTimeUnixNano");
  const end = nanoseconds(span, "endTimeUnixNano");
  fields.startMs = start.ms;
  const durationUs = (end.ms - start.ms) * 1_000 + (end.ns - start.ns) / 1_000;
  fields.durationUs = durationUs >= 0 ? durationUs : -1;
  readAttributes(span, fields, texts);
  const status = span["status"];
  if (isObject(status) && (status["code"] === 2 || status["code"] === "STATUS_CODE_ERROR"))
    fields.failed = true;
  return fields;
};

const readLog = (record: JsonObject, texts: TextBuffer, batch: SpanBatch): SpanFields => {
  const fields = batch.next(texts.view);
  const time = nanoseconds(record, "timeUnixNano");
  fields.startMs = time.ms === 0 ? nanoseconds(record, "observedTimeUnixNano").ms : time.ms;
  readAttributes(record, fields, texts);
  if (text(record, "eventName") === EVALUATION_EVENT) fields.isEvaluation = true;
  return fields;
};

const utf8 = new TextDecoder("utf-8", { fatal: true });

const parseObject = (body: Uint8Array): JsonObject => {
  try {
    const value: unknown = JSON.parse(utf8.decode(body));
    if (isObject(value)) return value;
  } catch (cause) {
    throw new MalformedError("the body is not JSON in UTF-8", { cause });
  }
  throw new MalformedError("the body is not a JSON object");
};

const names = {
  traces: { resource: "resourceSpans", scope: "scopeSpans", item: "spans" },
  logs: { resource: "resourceLogs", scope: "scopeLogs", item: "logRecords" },
} as const;

/** As `readProtobuf`, of the JSON encoding. */
export const readJson = (body: Uint8Array, signal: OtlpSignal, batch: SpanBatch): string | null =>
  whyMalformed(() => {
    const { resource, scope, item } = names[signal];
    const readItem = signal === "traces" ? readSpan : readLog;
    const texts = new TextBuffer();
    for (const resourceItems of objects(parseObject(body), resource)) {
      readResource(resourceItems, texts, batch);
      for (const scopeItems of objects(resourceItems, scope))
        for (const entry of objects(scopeItems, item)) {
          const start = texts.at;
          const isKept = batch.add(readItem(entry, texts, batch));
          if (!isKept) texts.at = start;
        }
    }
  });
