// Whether the sample of spans arrives in the column store. Any process tells it, from the spool.
import type { Pool } from "../../db/pool.ts";
import type { HealthCheck } from "../../runtime/health.ts";
import { readSpool } from "./spool-rows.ts";

/** A batch takes a second or two; an insert that is tried again some more. */
const LATE_S = 60;

/** Nothing where no column store is configured and none was. */
export const rawSpanChecks = ({
  pool,
  isConfigured,
}: {
  pool: Pool;
  isConfigured: boolean;
}): readonly HealthCheck[] => [
  {
    id: "rawSpans",
    run: async () => {
      const { waitingSpans, waitingBytes, ageSeconds, deadSpans, lastError } = await readSpool(pool);
      const because = lastError === null ? "" : `: ${lastError}`;
      const megabytes = (waitingBytes / 1_000_000).toFixed(1);
      if (!isConfigured)
        return waitingSpans === 0
          ? []
          : [
              {
                status: "warning",
                summary: `${waitingSpans} sampled spans wait for a column store, and none is configured here`,
                todo: "set CLICKHOUSE_URL, or empty the table raw_span_spool",
              },
            ];
      return [
        ageSeconds < LATE_S
          ? { status: "ok", summary: `${waitingSpans} sampled spans are on their way to the column store` }
          : {
              status: "failing",
              summary: `the column store takes no spans: ${waitingSpans} (${megabytes} MB) wait, the oldest for ${ageSeconds.toFixed(0)} s${because}`,
              todo: "see its log, its table (deploy/clickhouse/otel_spans.sql), CLICKHOUSE_URL and the rights of CLICKHOUSE_USER. Counts and decisions do not need it; once RAW_SPOOL_MB wait, the newest sample is left out",
            },
        ...(deadSpans === 0
          ? []
          : [
              {
                status: "warning" as const,
                summary: `the column store could not read ${deadSpans} spans${because}`,
                todo: "compare its table with deploy/clickhouse/otel_spans.sql; then `update raw_span_spool set dead_at = null, due_at = now()` sends them again",
              },
            ]),
      ];
    },
  },
];
