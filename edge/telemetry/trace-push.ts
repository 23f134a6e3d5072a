// The edge's part of a change's trace: a push that names its trace (`traceparent`) becomes a span, with one for each region that
// confirmed. Sent after the answer, to a collector of OTLP/HTTP. These spans name no unit, so they are never evidence; they carry
// no `cloud.region`, by which the origin would take them for telemetry of visitors.
import type { Config } from "../config.ts";
import type { PushAnswer } from "../snapshot/rpc.ts";

/** What became of a push. Times are unix time. */
export type TakenPush = {
  readonly traceparent: string | null;
  readonly startMs: number;
  readonly endMs: number;
  /** null: it was refused. */
  readonly answer: Pick<PushAnswer, "revision" | "regions"> | null;
};

type Parent = { readonly traceId: string; readonly spanId: string };

/** null where the push names no trace, or one that nobody keeps. https://www.w3.org/TR/trace-context/ */
const parentOf = (traceparent: string | null): Parent | null => {
  const [, traceId, spanId, flags] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return (Number.parseInt(flags, 16) & 1) === 1 ? { traceId, spanId } : null;
};

const nanosOf = (ms: number): string => `${Math.round(ms * 1_000)}000`;

type Value = { readonly stringValue: string } | { readonly intValue: string };
const attributesOf = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values).map(([key, value]): { key: string; value: Value } => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(value) },
  }));

/** An OTLP request in JSON; null where nothing is to be told. `newSpanId`: 16 hexadecimal digits. */
export const pushSpans = (
  { traceparent, startMs, endMs, answer }: TakenPush,
  newSpanId: () => string,
): object | null => {
  const parent = parentOf(traceparent);
  if (parent === null) return null;
  const spanId = newSpanId();
  const { traceId } = parent;
  const regions = (answer?.regions ?? []).map(({ region, revision, ms }) => ({
    traceId,
    spanId: newSpanId(),
    parentSpanId: spanId,
    name: "sluice.edge.confirm",
    kind: 1,
    startTimeUnixNano: nanosOf(startMs),
    endTimeUnixNano: nanosOf(startMs + ms),
    attributes: attributesOf({ "sluice.region": region, "sluice.revision": revision }),
  }));
  const push = {
    traceId,
    spanId,
    parentSpanId: parent.spanId,
    name: "sluice.edge.apply",
    kind: 2,
    startTimeUnixNano: nanosOf(startMs),
    endTimeUnixNano: nanosOf(endMs),
    attributes: attributesOf(
      answer === null ? { "sluice.answer": "refused" } : { "sluice.revision": answer.revision },
    ),
  };
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ "service.name": "sluice-edge" }) },
        scopeSpans: [{ scope: { name: "sluice" }, spans: [push, ...regions] }],
      },
    ],
  };
};

export type TracePush = (push: TakenPush) => Promise<void>;

/** null without a collector: nothing is told. Never rejects: what a collector does is no concern of a push. */
export const makeTracePush = (
  {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: headers,
  }: Pick<Config, "OTEL_EXPORTER_OTLP_ENDPOINT" | "OTEL_EXPORTER_OTLP_HEADERS">,
  { newSpanId, warn }: { newSpanId: () => string; warn: (text: string) => void },
): TracePush | null => {
  if (endpoint === "") return null;
  return async (push) => {
    const spans = pushSpans(push, newSpanId);
    if (spans === null) return;
    try {
      const response = await fetch(`${endpoint}/v1/traces`, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify(spans),
      });
      await response.body?.cancel();
      if (!response.ok) warn(`the collector of traces answers ${response.status}`);
    } catch (error) {
      warn(`the collector of traces cannot be reached: ${String(error)}`);
    }
  };
};
