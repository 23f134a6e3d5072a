// Requests of people and scripts to the admin API.
import { Histogram, type Registry } from "prom-client";

const STATUSES = ["2xx", "3xx", "4xx", "5xx"];

export const makeAdminMetrics = (registers: Registry[]) => {
  const adminRequestSeconds = new Histogram({
    name: "sluice_admin_request_seconds",
    help: "Time of a request to /admin/v1 until its answer begins, by the kind of its status: 2xx, 3xx, 4xx, 5xx. All kinds are there from the start",
    labelNames: ["status"],
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 15],
    registers,
  });
  // A rate cannot see a series that begins with its first event.
  for (const status of STATUSES) adminRequestSeconds.zero({ status });
  return { adminRequestSeconds };
};
