// Spans as OTLP/HTTP JSON (https://opentelemetry.io/docs/specs/otlp/, hex ids, 64-bit times as strings).
import { attribute } from "../../shared/telemetry.ts";

/** What the edge saw of one unit and one feature in one request. */
export type EdgeSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly status: number;
  readonly featureId: string;
  readonly unitId: string;
  readonly variant: "treatment" | "holdout";
  readonly epoch: number;
  readonly actionTaken: boolean;
  readonly isBot: boolean;
};

const SPAN_KIND_SERVER = 2;
const STATUS_ERROR = 2;

const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
const whole = (key: string, value: number) => ({ key, value: { intValue: String(value) } });
const yes = (key: string) => ({ key, value: { boolValue: true } });

/** ms since 1970 as decimal nanoseconds; ms times a million passes 2^53, so the digits are put together. */
const nanos = (ms: number): string => {
  const wholeMs = Math.floor(ms);
  return `${wholeMs}${String(Math.round((ms - wholeMs) * 1_000_000)).padStart(6, "0")}`;
};

const encodeSpan = (span: EdgeSpan) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
  name: span.name,
  kind: SPAN_KIND_SERVER,
  startTimeUnixNano: nanos(span.startMs),
  endTimeUnixNano: nanos(span.startMs + span.durationMs),
  attributes: [
    text(attribute.featureId[0], span.featureId),
    text(attribute.unitId[0], span.unitId),
    text(attribute.variant[0], span.variant),
    whole(attribute.epoch[0], span.epoch),
    whole(attribute.httpStatus[0], span.status),
    ...(span.actionTaken ? [yes(attribute.actionTaken[0])] : []),
    ...(span.isBot ? [yes(attribute.isBot[0])] : []),
  ],
  ...(span.status >= 500 ? { status: { code: STATUS_ERROR } } : {}),
});

/** Body of `POST /v1/traces`. */
export const encodeTraces = (spans: readonly EdgeSpan[]): string =>
  JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: [text("service.name", "sluice-edge")] },
        scopeSpans: [{ scope: { name: "sluice" }, spans: spans.map(encodeSpan) }],
      },
    ],
  });
