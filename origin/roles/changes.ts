// Changes of features: every process can commit one, and is told what became of it.
import { randomUUID } from "node:crypto";
import { startFinishingApproved } from "../features/approvals/finish-approved.ts";
import { makeApprovals } from "../features/approvals/make-approvals.ts";
import { makeFeatureChanges } from "../features/change-feature.ts";
import type { OnCommitted } from "../features/commit-queue.ts";
import { countRollbacks } from "../features/count-rollbacks.ts";
import { readFeatureIds } from "../features/read-features.ts";
import { currentHead } from "../features/read-snapshot.ts";
import { makeSegmentChanges } from "../features/segments/change-segment.ts";
import { makeSchedules } from "../features/schedules/make-schedules.ts";
import { makeChangeTraces } from "../features/trace-changes.ts";
import { forgetSeries } from "../runtime/forget-series.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import { startTracing } from "../runtime/tracing.ts";
import type { Databases } from "./databases.ts";
import type { OriginProcess } from "./process.ts";

const FORGET_SERIES_EVERY_MS = 60_000;

export type Changes = Awaited<ReturnType<typeof startChanges>>;

export const startChanges = async (
  { config, log, metrics, version, has }: OriginProcess,
  { main: { pool } }: Databases,
) => {
  const tracing = await startTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, version);
  const traces =
    tracing === undefined
      ? undefined
      : makeChangeTraces({
          db: pool,
          readLineage: async () => (await currentHead(pool, null)).message.lineage,
          follows: "decision",
          tracing,
          log,
        });
  const onCommitted: OnCommitted = (commit) => {
    metrics.commitSeconds.observe(commit.seconds);
    traces?.committed(commit);
  };
  const changes = countRollbacks(
    makeFeatureChanges({
      pool,
      newId: randomUUID,
      siteHosts: config.EDGE_URLS.map((url) => new URL(url).host),
      onCommitted,
    }),
    metrics,
  );
  const segmentChanges = makeSegmentChanges({ pool, newId: randomUUID, onCommitted });
  const approvals = makeApprovals({ pool, changes });
  const schedules = makeSchedules({ pool, changes });
  /** Features that are deleted leave /metrics too. */
  const seriesUpkeep = startPeriodicTask({
    everyMs: FORGET_SERIES_EVERY_MS,
    run: async () => {
      const existing: ReadonlySet<string> = new Set(await readFeatureIds(pool));
      await forgetSeries(metrics.registry, (feature) => existing.has(feature));
    },
    onError: (error) =>
      log.warn(
        { err: error },
        "the metrics of deleted features could not be removed; it is tried again in a minute",
      ),
  });
  const finishing = has("admin") ? startFinishingApproved({ approvals, log }) : undefined;
  return { changes, segmentChanges, approvals, schedules, traces, tracing, seriesUpkeep, finishing };
};
