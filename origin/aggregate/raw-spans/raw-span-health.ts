// Whether the sample of spans arrives in the column store. Any process tells it, from the spools of all databases.
import { MAIN, type AggregateDatabase } from "../../db/aggregate-databases.ts";
import { errorText } from "../../runtime/error-text.ts";
import type { Finding, HealthCheck } from "../../runtime/health.ts";
import { readSpool, type Spool } from "./spool-rows.ts";

/** A batch takes a second or two; an insert that is tried again some more. */
const LATE_S = 60;

type Looked = { readonly name: string } & ({ readonly spool: Spool } | { readonly problem: string });

const lookAt = async ({ name, pool }: AggregateDatabase): Promise<Looked> => {
  try {
    return { name, spool: await readSpool(pool()) };
  } catch (error) {
    // Without the main one nothing can be told at all.
    if (name === MAIN) throw error;
    return { name, problem: errorText(error) };
  }
};

const withoutStore = (where: string, { waitingSpans }: Spool): readonly Finding[] =>
  waitingSpans === 0
    ? []
    : [
        {
          status: "warning",
          summary: `${waitingSpans} sampled spans wait${where} for a column store, and none is configured here`,
          todo: "set CLICKHOUSE_URL, or empty the table raw_span_spool",
        },
      ];

const withStore = (
  where: string,
  { waitingSpans, waitingBytes, ageSeconds, deadSpans, lastError }: Spool,
): readonly Finding[] => {
  const because = lastError === null ? "" : `: ${lastError}`;
  const megabytes = (waitingBytes / 1_000_000).toFixed(1);
  const findings: Finding[] = [];
  if (ageSeconds >= LATE_S)
    findings.push({
      status: "failing",
      summary: `the column store takes no spans: ${waitingSpans} (${megabytes} MB) wait${where}, the oldest for ${ageSeconds.toFixed(0)} s${because}`,
      todo: "see its log, its table (deploy/clickhouse/otel_spans.sql), CLICKHOUSE_URL and the rights of CLICKHOUSE_USER. Counts and decisions do not need it; once RAW_SPOOL_MB wait, the newest sample is left out",
    });
  if (deadSpans > 0)
    findings.push({
      status: "warning",
      summary: `the column store could not read ${deadSpans} spans${where}${because}`,
      todo: `compare its table with deploy/clickhouse/otel_spans.sql; then \`update raw_span_spool set dead_at = null, due_at = now() where dead_at is not null\`${where} sends them again`,
    });
  return findings;
};

/** Of the databases that are sent from in time; nothing when there is none. */
const onTheirWay = (looked: readonly Looked[]): readonly Finding[] => {
  const spools = looked.flatMap((one) =>
    "spool" in one && one.spool.ageSeconds < LATE_S ? [one.spool] : [],
  );
  const spans = spools.reduce((sum, { waitingSpans }) => sum + waitingSpans, 0);
  return spools.length === 0
    ? []
    : [{ status: "ok", summary: `${spans} sampled spans are on their way to the column store` }];
};

/** Nothing where no column store is configured and none was. `databases`: all that partitions live in, the main one first. */
export const rawSpanChecks = ({
  databases,
  isConfigured,
}: {
  databases: readonly AggregateDatabase[];
  isConfigured: boolean;
}): readonly HealthCheck[] => [
  {
    id: "rawSpans",
    run: async () => {
      const looked = await Promise.all(databases.map(lookAt));
      const others = looked.flatMap((one): readonly Finding[] => {
        const where = databases.length === 1 ? "" : ` in the database ${one.name}`;
        if ("spool" in one)
          return isConfigured ? withStore(where, one.spool) : withoutStore(where, one.spool);
        // Where no column store is, the checks of partitions tell that a database is away.
        if (!isConfigured) return [];
        return [
          {
            status: "failing",
            summary: `the sampled spans${where} cannot be read, and wait there: ${one.problem}`,
            todo: "bring the database back; what waits there is sent then, and what waits in others is sent meanwhile",
          },
        ];
      });
      return isConfigured ? [...onTheirWay(looked), ...others] : others;
    },
  },
];
