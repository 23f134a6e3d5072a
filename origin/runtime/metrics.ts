// All metrics of /metrics. Stages get the instruments that they write to. Nothing decides by reading a metric.
import { collectDefaultMetrics, Registry } from "prom-client";
import { makeAdminMetrics } from "./metrics/admin-metrics.ts";
import { makeDeliveryMetrics } from "./metrics/delivery-metrics.ts";
import { makeFeatureMetrics } from "./metrics/feature-metrics.ts";
import { makeTelemetryMetrics } from "./metrics/telemetry-metrics.ts";

export const makeMetrics = () => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    ...makeFeatureMetrics(registers),
    ...makeTelemetryMetrics(registers),
    ...makeDeliveryMetrics(registers),
    ...makeAdminMetrics(registers),
  };
};

export type Metrics = ReturnType<typeof makeMetrics>;
