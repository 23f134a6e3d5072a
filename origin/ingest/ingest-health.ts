// Whether telemetry may come in, and how much of it is taken.
import type { Finding, HealthCheck } from "../runtime/health.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { isLoopback } from "./may-ingest.ts";

/** Below this nothing can be said of a share. */
const FEW = 100;
const REJECTED_SHARE = 0.01;
const LAG_WARNING_S = 30;

const spansFinding = async ({ ingestSpans }: Pick<Metrics, "ingestSpans">): Promise<Finding> => {
  const { values } = await ingestSpans.get();
  const count = (result: string): number =>
    values.filter(({ labels }) => labels.result === result).reduce((sum, { value }) => sum + value, 0);
  const [accepted, rejected] = [count("accepted"), count("rejected")];
  const all = accepted + rejected;
  const summary = `this process took ${accepted} spans and rejected ${rejected}`;
  return all < FEW || rejected <= REJECTED_SHARE * all
    ? { status: "ok", summary }
    : {
        status: "warning",
        summary,
        todo: "the senders' partial_success says why; docs/telemetry.md has the attributes that a span needs",
      };
};

/** `token`: INGEST_TOKEN. `host`: what the origin listens on. `lagSeconds`: of the fold; null: not known. */
export const ingestChecks = (options: {
  metrics: Pick<Metrics, "ingestSpans">;
  token: string | undefined;
  host: string;
  countIngestTokens: () => Promise<number>;
  lagSeconds: () => number | null;
}): readonly HealthCheck[] => {
  const { metrics, token, host, countIngestTokens, lagSeconds } = options;
  return [
    {
      id: "ingest",
      run: async () => {
        const lag = lagSeconds();
        const isClosed = token === undefined && !isLoopback(host) && (await countIngestTokens()) === 0;
        return [
          isClosed
            ? {
                status: "failing",
                summary: "telemetry is refused: nobody holds an ingest token",
                todo: "set INGEST_TOKEN at origin and Worker, or make one with `npx sluice tokens create NAME --scope ingest`",
              }
            : { status: "ok", summary: "telemetry may come in" },
          await spansFinding(metrics),
          lag === null
            ? { status: "unknown", summary: "how far the fold is behind is not known" }
            : lag > LAG_WARNING_S
              ? {
                  status: "warning",
                  summary: `the fold is ${lag.toFixed(0)} s behind; decisions wait for it`,
                  todo: "see whether a process with the role fold runs, and whether it has a processor to itself",
                }
              : { status: "ok", summary: `the fold is ${lag.toFixed(1)} s behind` },
        ];
      },
    },
  ];
};
