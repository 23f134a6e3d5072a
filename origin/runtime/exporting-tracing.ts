// Sends spans by OpenTelemetry's own SDK and exporter, in batches, to any OTLP/HTTP collector. The exporter reads the headers
// (OTEL_EXPORTER_OTLP_HEADERS), the timeout and the rest of its settings from the environment itself.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { SpanFacts, Tracing } from "./tracing.ts";

const SEND_EVERY_MS = 1_000;

export const makeExportingTracing = ({
  endpoint,
  version,
}: {
  endpoint: string;
  version: string;
}): Tracing => {
  /** The ids of the span that is just made: its facts name them, and the SDK asks for them. */
  const next = { traceId: "", spanId: "" };
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "sluice-origin", "service.version": version }),
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, "")}/v1/traces` }), {
        scheduledDelayMillis: SEND_EVERY_MS,
      }),
    ],
  });
  const tracer = provider.getTracer("sluice", version);
  const contextOf = (ids: { readonly traceId: string; readonly spanId: string }) => ({
    ...ids,
    traceFlags: TraceFlags.SAMPLED,
  });

  const record = ({ traceId, spanId, parentId, ...facts }: SpanFacts): void => {
    Object.assign(next, { traceId, spanId });
    const parent =
      parentId === undefined
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, contextOf({ traceId, spanId: parentId }));
    const span = tracer.startSpan(
      facts.name,
      {
        startTime: facts.startMs,
        kind: facts.name === "sluice.push" ? SpanKind.CLIENT : SpanKind.INTERNAL,
        attributes: { ...facts.attributes },
        links: (facts.links ?? []).map((link) => ({ context: contextOf(link) })),
      },
      parent,
    );
    if (facts.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: facts.error });
    span.end(facts.endMs);
  };

  return { record, stop: () => provider.shutdown() };
};
