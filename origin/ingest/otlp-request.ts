// Admits an OTLP/HTTP request by its head. Pure.
import type { IncomingHttpHeaders } from "node:http";
import { err, ok, type Result } from "../../shared/result.ts";
import type { IngestRight } from "./may-ingest.ts";
import { MAX_BODY_BYTES, type Compression } from "./request-body.ts";

export type Encoding = "protobuf" | "json";
/** OpenTelemetry's word; the signals that a rule judges are others. */
export type OtlpSignal = "traces" | "logs";

export type OtlpRequest = {
  readonly signal: OtlpSignal;
  readonly encoding: Encoding;
  readonly compression: Compression;
  /** null when the length is not known beforehand */
  readonly contentLength: number | null;
};

export type RequestError =
  | { readonly reason: "proxied"; readonly by: string }
  | {
      readonly reason:
        | "unknownPath"
        | "metricsNotTaken"
        | "methodNotAllowed"
        | "unauthorized"
        | "unsupportedType"
        | "unsupportedCompression"
        | "bodyTooLarge";
    };

const encodings: ReadonlyMap<string, Encoding> = new Map([
  ["application/x-protobuf", "protobuf"],
  ["application/json", "json"],
]);

/** Also of requests that are not admitted: they are answered in their own encoding where it is known. */
export const encodingOf = (contentType: string | undefined): Encoding | undefined =>
  encodings.get((contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "");

const signals: ReadonlyMap<string, OtlpSignal> = new Map([
  ["/v1/traces", "traces"],
  ["/v1/logs", "logs"],
]);

/** undefined: the URL is not one of telemetry. */
export const signalOf = (url: string): OtlpSignal | undefined => signals.get(url.split("?")[0] ?? "");

/** Collectors send metrics to the same place unless they are told not to; they are answered, and not taken. */
export const isMetricsPath = (url: string): boolean => url.split("?")[0] === "/v1/metrics";

const compressions: ReadonlyMap<string, Compression> = new Map([
  ["gzip", "gzip"],
  // RFC 9110, 8.4.1.3
  ["x-gzip", "gzip"],
  ["zstd", "zstd"],
]);

/** How the body is packed; undefined: by a coding that is not read. */
const compressionBy = (contentEncoding: string | undefined): Compression | undefined => {
  const codings = (contentEncoding ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length === 0) return null;
  return codings.length === 1 ? compressions.get(codings[0] ?? "") : undefined;
};

export const readRequestHead = (
  head: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders },
  right: IngestRight,
): Result<OtlpRequest, RequestError> => {
  const { method, url, headers } = head;
  const signal = signalOf(url);
  if (signal === undefined && !isMetricsPath(url)) return err({ reason: "unknownPath" });
  if (method !== "POST") return err({ reason: "methodNotAllowed" });
  if (!right.may) return err(right);
  if (signal === undefined) return err({ reason: "metricsNotTaken" });
  const encoding = encodingOf(headers["content-type"]);
  if (encoding === undefined) return err({ reason: "unsupportedType" });
  const compression = compressionBy(headers["content-encoding"]);
  if (compression === undefined) return err({ reason: "unsupportedCompression" });
  const contentLength = headers["content-length"] === undefined ? null : Number(headers["content-length"]);
  if (contentLength !== null && contentLength > MAX_BODY_BYTES) return err({ reason: "bodyTooLarge" });
  return ok({ signal, encoding, compression, contentLength });
};
