// What OTLP/HTTP answers: the export response or a google.rpc.Status, in the request's own encoding.

export type Encoding = "protobuf" | "json";

export const contentType: Record<Encoding, string> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
};

const numberField = (number: number, value: number): Buffer =>
  value === 0 ? Buffer.alloc(0) : Buffer.from([number << 3, ...varint(value)]);

const bytesField = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);

/** Export…ServiceResponse; with `partial_success` only when items were rejected. */
export const exportResponse = (
  encoding: Encoding,
  signal: "traces" | "logs",
  rejected: number,
  message: string,
): Buffer => {
  if (encoding === "json") {
    const count = signal === "traces" ? "rejectedSpans" : "rejectedLogRecords";
    return Buffer.from(
      JSON.stringify(
        rejected === 0 ? {} : { partialSuccess: { [count]: String(rejected), errorMessage: message } },
      ),
    );
  }
  if (rejected === 0) return Buffer.alloc(0);
  return bytesField(1, Buffer.concat([numberField(1, rejected), bytesField(2, Buffer.from(message))]));
};

/** google.rpc.Code, https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const code: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  404: 5,
  405: 12,
  413: 8,
  415: 3,
  429: 8,
  503: 14,
};

/** google.rpc.Status of an HTTP error. */
export const statusBody = (encoding: Encoding, httpStatus: number, message: string): Buffer => {
  const grpcCode = code[httpStatus] ?? 13;
  return encoding === "json"
    ? Buffer.from(JSON.stringify({ code: grpcCode, message }))
    : Buffer.concat([numberField(1, grpcCode), bytesField(2, Buffer.from(message))]);
};
