// Whether the log of acknowledged telemetry has what it needs, where it is outside the database.
import type { Finding, HealthCheck } from "../runtime/health.ts";
import type { OpenSpanLog, StreamState } from "./open-span-log.ts";

const streamFinding = ({ stream, currentReplicas, wantedReplicas }: StreamState): Finding =>
  currentReplicas >= wantedReplicas
    ? { status: "ok", subject: stream, summary: `all ${wantedReplicas} replicas have all blocks` }
    : {
        status: "warning",
        subject: stream,
        summary: `${currentReplicas} of ${wantedReplicas} replicas have all blocks`,
        todo: "see whether all NATS servers run and have room on their disks; nothing is lost while most of the replicas live",
      };

export const spanLogChecks = (
  log: Pick<OpenSpanLog, "notReady" | "streams" | "warnings">,
): readonly HealthCheck[] => [
  {
    id: "span-log",
    run: async () => {
      if (log.streams === null)
        return [{ status: "ok", summary: "acknowledged telemetry is kept in PostgreSQL" }];
      const [problem] = log.notReady();
      if (problem !== undefined)
        return [
          {
            status: "failing",
            summary: problem,
            todo: "processes that cannot use the log refuse telemetry until the log can be used; see SPAN_LOG_URL and the NATS servers",
          },
        ];
      return [
        ...log.warnings().map(({ summary, todo }): Finding => ({ status: "warning", summary, todo })),
        ...log.streams().map(streamFinding),
      ];
    },
  },
];
