// The alerts in a body, by the alerting system that sent it.
import type { Result } from "../../shared/result.ts";
import type { ReadAlert } from "./alert.ts";
import type { Source } from "./hook.ts";
import { readDatadog } from "./payloads/datadog.ts";
import { readPagerDuty } from "./payloads/pagerduty.ts";
import { readPrometheus } from "./payloads/prometheus.ts";

const READERS: Readonly<Record<Source, (json: unknown) => Result<readonly ReadAlert[], string>>> = {
  alertmanager: readPrometheus,
  grafana: readPrometheus,
  generic: readPrometheus,
  datadog: readDatadog,
  pagerduty: readPagerDuty,
};

/** An error is about the body as a whole; an alert that cannot be read stands beside the others. */
export const readAlerts = (source: Source, json: unknown): Result<readonly ReadAlert[], string> =>
  READERS[source](json);
