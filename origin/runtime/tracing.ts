// Traces of a feature change on its way: evaluation → decision → commit → push → edge. Off unless OTEL_EXPORTER_OTLP_ENDPOINT is
// set; then alone OpenTelemetry's packages are loaded. The parts of one way are told by different processes, so the ids of its
// trace and of its first spans are computed from what all of them know: the history of the database and the revision.
//
// No span here has an attribute that names a feature or a unit to ingest, so that Sluice's own telemetry is never evidence, not
// even where it is sent to Sluice itself.
import { createHash, randomBytes } from "node:crypto";

export type SpanFacts = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string;
  /** Unix time */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Spans of others that it is about. */
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  /** What failed. */
  readonly error?: string;
};

export type Tracing = {
  /** Takes a span that has ended. Never throws, and never waits for the collector. */
  readonly record: (span: SpanFacts) => void;
  /** Sends what waits. */
  readonly stop: () => Promise<void>;
};

/** `endpoint`: OTEL_EXPORTER_OTLP_ENDPOINT. undefined: nothing is traced, and nothing loaded. */
export const startTracing = async (
  endpoint: string | undefined,
  version: string,
): Promise<Tracing | undefined> => {
  if (endpoint === undefined) return undefined;
  const { makeExportingTracing } = await import("./exporting-tracing.ts");
  return makeExportingTracing({ endpoint, version });
};

const hexOf = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);

/** The trace of the way of one revision. */
export const traceIdOf = ({ lineage, revision }: { lineage: string; revision: number }): string =>
  hexOf(`${lineage}:${revision}`, 32);

/** Of the spans of which a trace has one each. */
export const spanIdOf = (traceId: string, name: "evaluation" | "decision" | "recovery" | "commit"): string =>
  hexOf(`${traceId}:${name}`, 16);

/** Of what is no revision. */
export const newTraceId = (): string => randomBytes(16).toString("hex");

export const newSpanId = (): string => randomBytes(8).toString("hex");

/** W3C Trace Context, sampled. */
export const traceparentOf = (traceId: string, spanId: string): string => `00-${traceId}-${spanId}-01`;
