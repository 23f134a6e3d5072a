// OpenTelemetry as any Node service sets it up: a span for each request that comes in, sent by OTLP. Here the spans go
// straight to Sluice's origin; a service that has a collector adds Sluice's exporter there (deploy/otel-collector.yaml).
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const exporter = new OTLPTraceExporter({
  url: `${process.env.SLUICE_ORIGIN_URL ?? "http://127.0.0.1:8080"}/v1/traces`,
  headers: { authorization: `Bearer ${process.env.INGEST_TOKEN}` },
});
const provider = new NodeTracerProvider({
  spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1000 })],
});
provider.register();
registerInstrumentations({ instrumentations: [new HttpInstrumentation()] });

// The last spans are sent before the process ends.
process.once("SIGTERM", () => {
  void provider.shutdown().then(() => process.exit(0));
});
