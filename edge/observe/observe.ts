// What a request showed, as spans: one for each feature whose cohort is compared (treatment or holdout). Nothing here
// is waited for by the visitor.
import { isbot } from "isbot";
import type { Assigned } from "../request/gate.ts";
import type { EdgeSpan } from "./otlp.ts";

export type Observation = {
  readonly method: string;
  readonly unitId: string;
  readonly userAgent: string | null;
  /** W3C traceparent of the request, if it has one. */
  readonly traceparent: string | null;
  readonly startMs: number;
  /** Until the upstream's response headers. */
  readonly durationMs: number;
  readonly status: number;
  readonly exposed: readonly Assigned[];
  /** Features that this request activates. Only those the unit is held for: who was never exposed cannot act on it. */
  readonly activated: readonly Assigned[];
};

/** Unique ids without a random number each: the isolate's own random half and a counter. */
export const makeIds = (random: () => string): { trace: () => string; span: () => string } => {
  let isolate: string | null = null;
  let count = 0;
  const next = (): string => (++count).toString(16).padStart(8, "0").slice(-8);
  return {
    trace: () => `${(isolate ??= random())}${next()}`,
    span: () => `${(isolate ??= random()).slice(0, 8)}${next()}`,
  };
};

const parent = (traceparent: string | null): { traceId: string; spanId: string } | null => {
  const match =
    traceparent === null ? null : /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent);
  const [, traceId, spanId] = match ?? [];
  return traceId === undefined || spanId === undefined ? null : { traceId, spanId };
};

export const spansOf = (seen: Observation, ids: { trace: () => string; span: () => string }): EdgeSpan[] => {
  const active = new Set(seen.activated.map(({ feature }) => feature));
  const exposed = new Set(seen.exposed.map(({ feature }) => feature));
  const all = [...seen.exposed, ...seen.activated.filter(({ feature }) => !exposed.has(feature))];
  if (all.every(({ cohort }) => cohort === "off")) return [];
  const up = parent(seen.traceparent);
  const traceId = up?.traceId ?? ids.trace();
  const isBot = isbot(seen.userAgent);
  return all.flatMap(({ feature, cohort }) =>
    cohort === "off"
      ? []
      : {
          traceId,
          spanId: ids.span(),
          parentSpanId: up?.spanId ?? null,
          name: seen.method,
          startMs: seen.startMs,
          durationMs: seen.durationMs,
          status: seen.status,
          featureId: feature.featureId,
          unitId: seen.unitId,
          variant: cohort,
          epoch: feature.state.epoch,
          actionTaken: active.has(feature),
          isBot,
        },
  );
};
