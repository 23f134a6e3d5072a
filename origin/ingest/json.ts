// Reads OTLP export requests in JSON (the protobuf mapping with OTLP's exceptions: ids in hex, enums as numbers,
// unknown fields ignored). Fills the same fields as the protobuf reader.
import type { Signal } from "./protobuf.ts";
import {
  clearFields,
  emptyFields,
  isEvaluationName,
  knownName,
  setAttribute,
  type AttributeValue,
  type SpanFields,
} from "./span-fields.ts";

class Malformed extends Error {}

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** null and absent are the same in protobuf's JSON. */
const objects = (parent: JsonObject, name: string): JsonObject[] => {
  const value = parent[name] ?? [];
  if (!Array.isArray(value) || !value.every(isObject))
    throw new Malformed(`${name} must be a list of objects`);
  return value;
};

const text = (parent: JsonObject, name: string): string => {
  const value = parent[name] ?? "";
  if (typeof value !== "string") throw new Malformed(`${name} must be a string`);
  return value;
};

/** A 64-bit integer as decimal text or number. */
const integer = (value: unknown, name: string): bigint => {
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  throw new Malformed(`${name} must be an integer`);
};

const nanoseconds = (parent: JsonObject, name: string): bigint => {
  const value = parent[name];
  if (value === undefined || value === null || value === "") return 0n;
  const time = integer(value, name);
  if (time < 0n || time >= 2n ** 64n) throw new Malformed(`${name} must be a time`);
  return time;
};

const hex = (parent: JsonObject, name: string): Buffer => {
  const value = text(parent, name);
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(value)) throw new Malformed(`${name} must be hexadecimal`);
  return Buffer.from(value, "hex");
};

const textValue = (value: string): AttributeValue => {
  const bytes = Buffer.from(value);
  return { kind: "text", bytes, start: 0, end: bytes.length };
};

const attributeValue = (value: JsonObject): AttributeValue | undefined => {
  const { stringValue, boolValue, intValue, doubleValue } = value;
  if (stringValue !== undefined && stringValue !== null) return textValue(text(value, "stringValue"));
  if (boolValue !== undefined && boolValue !== null) {
    if (typeof boolValue !== "boolean") throw new Malformed("boolValue must be a boolean");
    return { kind: "boolean", value: boolValue };
  }
  if (intValue !== undefined && intValue !== null)
    return { kind: "number", value: Number(integer(intValue, "intValue")) };
  if (doubleValue !== undefined && doubleValue !== null) {
    const number = typeof doubleValue === "string" ? Number(doubleValue) : doubleValue;
    if (typeof number !== "number") throw new Malformed("doubleValue must be a number");
    return { kind: "number", value: number };
  }
  return undefined;
};

const readAttributes = (parent: JsonObject, fields: SpanFields): void => {
  for (const entry of objects(parent, "attributes")) {
    const key = Buffer.from(text(entry, "key"));
    const known = knownName(key, 0, key.length);
    if (known === undefined || !isObject(entry["value"])) continue;
    const value = attributeValue(entry["value"]);
    if (value !== undefined) setAttribute(fields, known, value);
  }
};

const readSpan = (span: JsonObject, fields: SpanFields): void => {
  const trace = hex(span, "traceId");
  const id = hex(span, "spanId");
  const name = Buffer.from(text(span, "name"));
  clearFields(fields, Buffer.concat([trace, id, name]));
  fields.traceAt = 0;
  fields.traceLength = trace.length;
  fields.spanAt = trace.length;
  fields.spanLength = id.length;
  fields.nameStart = trace.length + id.length;
  fields.nameEnd = fields.bytes.length;
  const start = nanoseconds(span, "startTimeUnixNano");
  const end = nanoseconds(span, "endTimeUnixNano");
  fields.startMs = Number(start) / 1e6;
  fields.durationUs = end >= start ? Number(end - start) / 1_000 : -1;
  readAttributes(span, fields);
  const status = span["status"];
  if (isObject(status) && (status["code"] === 2 || status["code"] === "STATUS_CODE_ERROR"))
    fields.failed = true;
};

const readLog = (record: JsonObject, fields: SpanFields): void => {
  clearFields(fields, new Uint8Array());
  const time = nanoseconds(record, "timeUnixNano");
  fields.startMs = Number(time === 0n ? nanoseconds(record, "observedTimeUnixNano") : time) / 1e6;
  readAttributes(record, fields);
  const eventName = Buffer.from(text(record, "eventName"));
  if (isEvaluationName(eventName, 0, eventName.length)) fields.isEvaluation = true;
};

const utf8 = new TextDecoder("utf-8", { fatal: true });

const parse = (body: Uint8Array): JsonObject => {
  try {
    const value: unknown = JSON.parse(utf8.decode(body));
    if (isObject(value)) return value;
  } catch (cause) {
    throw new Malformed("the body is not JSON in UTF-8", { cause });
  }
  throw new Malformed("the body is not a JSON object");
};

const names = {
  traces: { resource: "resourceSpans", scope: "scopeSpans", item: "spans" },
  logs: { resource: "resourceLogs", scope: "scopeLogs", item: "logRecords" },
} as const;

/** As `readProtobuf`, of the JSON encoding. */
export const readJson = (
  body: Uint8Array,
  signal: Signal,
  visit: (fields: SpanFields) => void,
): string | null => {
  const { resource, scope, item } = names[signal];
  const fields = emptyFields();
  const read = signal === "traces" ? readSpan : readLog;
  try {
    for (const resourceItems of objects(parse(body), resource))
      for (const scopeItems of objects(resourceItems, scope))
        for (const entry of objects(scopeItems, item)) {
          read(entry, fields);
          visit(fields);
        }
    return null;
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
};
