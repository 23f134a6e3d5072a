// The answers of OTLP/HTTP: the export response or a google.rpc.Status, in the encoding of the request.
import type { OutgoingHttpHeaders } from "node:http";
import type { ClassCounts } from "./classify-batch.ts";
import { rejectedSpans } from "./count-spans.ts";
import type { Encoding, OtlpRequest, OtlpSignal, RequestError } from "./otlp-request.ts";
import { MAX_BODY_BYTES, type BodyError } from "./request-body.ts";
import type { KeyMissingError, MalformedBodyError } from "./store-telemetry.ts";

export type OtlpResponse = {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
};

/** Why a request fails as a whole. */
export type OtlpError =
  | RequestError
  | { readonly reason: Exclude<BodyError["reason"], "aborted"> }
  | MalformedBodyError
  | KeyMissingError
  | { readonly reason: "overloaded" | "storeFailed" };

const contentType: Record<Encoding, string> = {
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
const exportResponse = (
  encoding: Encoding,
  signal: OtlpSignal,
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

/** The answer when everything that can be stored is durable. */
export const acknowledgement = ({ encoding, signal }: OtlpRequest, counts: ClassCounts): OtlpResponse => {
  const { rejected, message } = rejectedSpans(counts);
  return {
    status: 200,
    headers: { "content-type": contentType[encoding] },
    body: exportResponse(encoding, signal, rejected, message),
  };
};

type ErrorAnswer = {
  readonly status: number;
  /** google.rpc.Code, https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
  readonly code: number;
  readonly message: string;
  readonly headers?: OutgoingHttpHeaders;
};

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const tooLarge = (message: string): ErrorAnswer => ({ status: 413, code: RESOURCE_EXHAUSTED, message });
/** One or two seconds at random, so that clients do not come back all at once. */
const later = (message: string): ErrorAnswer => ({
  status: 503,
  code: UNAVAILABLE,
  message,
  headers: { "retry-after": String(1 + Math.round(Math.random())) },
});

/** A person has to give the key; what comes again meanwhile is stored again. */
const KEY_MISSING_AFTER_S = 30;

const answerTo = (encoding: Encoding, error: OtlpError): ErrorAnswer => {
  switch (error.reason) {
    case "unknownPath":
      return { status: 404, code: NOT_FOUND, message: "there are /v1/traces and /v1/logs" };
    case "metricsNotTaken":
      return {
        status: 404,
        code: UNIMPLEMENTED,
        message: "traces and logs are taken here, metrics are not: leave this exporter out of the metrics",
      };
    case "methodNotAllowed":
      return { status: 405, code: UNIMPLEMENTED, message: "POST only", headers: { allow: "POST" } };
    case "unauthorized":
      return {
        status: 401,
        code: UNAUTHENTICATED,
        message: "a Bearer token for ingest is needed",
        headers: { "www-authenticate": "Bearer" },
      };
    case "proxied":
      return {
        status: 401,
        code: UNAUTHENTICATED,
        message: `the header ${error.by} shows that this came through a proxy, so anybody may have sent it: set INGEST_TOKEN at the origin and at what sends, or send an API token with the scope ingest`,
        headers: { "www-authenticate": "Bearer" },
      };
    case "unsupportedType":
      return {
        status: 415,
        code: INVALID_ARGUMENT,
        message: "content-type must be application/x-protobuf or application/json",
      };
    case "unsupportedCompression":
      return {
        status: 415,
        code: INVALID_ARGUMENT,
        message: "content-encoding must be gzip, zstd or identity",
        headers: { "accept-encoding": "gzip, zstd" },
      };
    case "bodyTooLarge":
      return tooLarge(`the body has more than ${MAX_BODY_BYTES} bytes`);
    case "unzippedTooLarge":
      return tooLarge(`the body unpacks to more than ${MAX_BODY_BYTES} bytes`);
    case "notGzip":
      return { status: 400, code: INVALID_ARGUMENT, message: "the body is not gzip" };
    case "notZstd":
      return {
        status: 400,
        code: INVALID_ARGUMENT,
        message: "the body is not zstd, in whole frames with windows of at most 8 MiB",
      };
    case "malformed":
      return { status: 400, code: INVALID_ARGUMENT, message: `malformed ${encoding} body: ${error.detail}` };
    case "overloaded":
      return later("too much telemetry is waiting to be stored");
    case "keyMissing":
      return {
        ...later("some features' units cannot be named at the moment; everything else of it is stored"),
        headers: { "retry-after": String(KEY_MISSING_AFTER_S) },
      };
    case "storeFailed":
      return later("telemetry cannot be stored at the moment");
  }
};

/** A google.rpc.Status. */
export const errorResponse = (encoding: Encoding, error: OtlpError): OtlpResponse => {
  const { status, code, message, headers } = answerTo(encoding, error);
  return {
    status,
    headers: { "content-type": contentType[encoding], ...headers },
    body:
      encoding === "json"
        ? Buffer.from(JSON.stringify({ code, message }))
        : Buffer.concat([numberField(1, code), bytesField(2, Buffer.from(message))]),
  };
};
