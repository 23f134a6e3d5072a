// Builds OTLP requests in JSON.
import { randomBytes, randomUUID } from "node:crypto";

export type TestSpan = {
  feature?: string;
  unit?: string;
  variant?: string;
  epoch?: number;
  activated?: boolean;
  returned?: boolean;
  bot?: boolean;
  failed?: boolean;
  startMs?: number;
  durationMs?: number;
  traceId?: string;
  spanId?: string;
  attributes?: Record<string, string | number | boolean>;
};

const value = (content: string | number | boolean) => {
  if (typeof content === "string") return { stringValue: content };
  if (typeof content === "boolean") return { boolValue: content };
  return Number.isInteger(content) ? { intValue: String(content) } : { doubleValue: content };
};

export const jsonSpan = (span: TestSpan) => {
  const startMs = span.startMs ?? Date.now();
  const attributes = {
    ...(span.feature === undefined ? {} : { "feature_flag.key": span.feature }),
    ...(span.unit === undefined ? {} : { "feature_flag.context.id": span.unit }),
    ...(span.variant === undefined ? {} : { "feature_flag.result.variant": span.variant }),
    ...(span.epoch === undefined ? {} : { "sluice.epoch": span.epoch }),
    ...(span.activated === undefined ? {} : { action_taken: span.activated }),
    ...(span.returned === undefined ? {} : { returned: span.returned }),
    ...(span.bot === undefined ? {} : { is_bot: span.bot }),
    ...span.attributes,
  };
  return {
    traceId: span.traceId ?? randomBytes(16).toString("hex"),
    spanId: span.spanId ?? randomBytes(8).toString("hex"),
    name: "GET /",
    kind: 2,
    startTimeUnixNano: `${startMs}000000`,
    endTimeUnixNano: `${startMs + (span.durationMs ?? 10)}000000`,
    attributes: Object.entries(attributes).map(([key, content]) => ({ key, value: value(content) })),
    status: span.failed === true ? { code: 2 } : {},
  };
};

export const jsonRequest = (spans: readonly TestSpan[]) => ({
  resourceSpans: [{ scopeSpans: [{ spans: spans.map(jsonSpan) }] }],
});

export const newUnit = (): string => randomUUID();
