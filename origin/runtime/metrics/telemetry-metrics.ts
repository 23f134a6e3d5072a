// Telemetry on its way from its senders to the counts.
import { Counter, Gauge, type Registry } from "prom-client";

export const makeTelemetryMetrics = (registers: Registry[]) => {
  const logAheadSeconds = new Gauge({
    name: "sluice_span_log_ahead_seconds",
    help: "Time for which the span log has partitions ahead, of processes that take or fold telemetry; it is refused at 0",
    registers,
  });
  // It begins with a 0, and an alert looks for the least: of a process that does not know it, nothing must be shown.
  logAheadSeconds.remove();
  const lostRecords = new Counter({
    name: "sluice_lost_records_total",
    help: "Acknowledged spans and log records that the database lacks, as after the promotion of a standby that lagged; counted=no counts losses of which it is not known how many",
    labelNames: ["counted"],
    registers,
  });
  // An alert compares with the time before the first loss.
  for (const counted of ["yes", "no"]) lostRecords.inc({ counted }, 0);
  const rawSpans = {
    rawSpansWaiting: new Gauge({
      name: "sluice_raw_spans_waiting",
      help: "Sampled spans that wait for the column store, by the database in which they wait",
      labelNames: ["database"],
      registers,
    }),
    rawSpansWaitingBytes: new Gauge({
      name: "sluice_raw_spans_waiting_bytes",
      help: "Packed size of the sampled spans that wait or were laid aside, by database; at RAW_SPOOL_MB the newest sample of one is left out",
      labelNames: ["database"],
      registers,
    }),
    rawSpansAgeSeconds: new Gauge({
      name: "sluice_raw_spans_age_seconds",
      help: "Age of the oldest sampled spans that wait for the column store, by database; 0 without any. While a database cannot be read its age grows from the last one seen",
      labelNames: ["database"],
      registers,
    }),
    rawSpansDead: new Gauge({
      name: "sluice_raw_spans_dead",
      help: "Sampled spans that the column store could not read, and that are kept for a person to look at, by database",
      labelNames: ["database"],
      registers,
    }),
  };
  // Of a process without a column store, too: none wait in its database.
  for (const gauge of Object.values(rawSpans)) gauge.set({ database: "main" }, 0);
  return {
    logAheadSeconds,
    lostRecords,
    ingestRequests: new Counter({
      name: "sluice_ingest_requests_total",
      help: "Requests with telemetry by outcome: stored, or why they were refused (overloaded, storeFailed and keyMissing are sent again by their senders)",
      labelNames: ["outcome"],
      registers,
    }),
    ingestSpans: new Counter({
      name: "sluice_ingest_spans_total",
      help: "Spans and log records received, by result: accepted, rejected, ignored",
      labelNames: ["result"],
      registers,
    }),
    droppedSpans: new Counter({
      name: "sluice_ingest_dropped_total",
      help: "Spans and log records that were received and not counted, by reason",
      labelNames: ["outcome"],
      registers,
    }),
    foldedSpans: new Counter({
      name: "sluice_folded_spans_total",
      help: "Acknowledged spans and log records: folded, of these capped (too many requests of one unit or network) and unsampled (otel_spans was locked, or too much waits for the column store), duplicates, setAside",
      labelNames: ["result"],
      registers,
    }),
    rawSpansSent: new Counter({
      name: "sluice_raw_spans_sent_total",
      help: "Sampled spans that the column store has taken",
      registers,
    }),
    ...rawSpans,
    edgeDroppedSpans: new Counter({
      name: "sluice_edge_dropped_spans_total",
      help: "Spans that edges say they dropped or saw refused, by the region of the edge",
      labelNames: ["region"],
      registers,
    }),
    leftOutSpans: new Counter({
      name: "sluice_left_out_spans_total",
      help: "Acknowledged spans that the fold left out of the counts, by reason: no-exposure, unit-share, network-share",
      labelNames: ["reason"],
      registers,
    }),
    setAsideSpans: new Gauge({
      name: "sluice_fold_set_aside_spans",
      help: "Acknowledged spans and log records of a feature that cannot be counted and are kept until they can; feature '' is of rows that cannot be read",
      labelNames: ["feature"],
      registers,
    }),
    ingestLagSeconds: new Gauge({
      name: "sluice_ingest_lag_seconds",
      help: "Age of the oldest acknowledged telemetry that is not yet aggregated",
      registers,
    }),
    logBytes: new Gauge({
      name: "sluice_span_log_bytes",
      help: "With SPAN_LOG_URL: bytes of acknowledged telemetry in a partition's stream, folded ones of the last quarter of an hour included",
      labelNames: ["partition"],
      registers,
    }),
    logCurrentReplicas: new Gauge({
      name: "sluice_span_log_current_replicas",
      help: "With SPAN_LOG_URL: replicas of a partition's stream that have all blocks",
      labelNames: ["partition"],
      registers,
    }),
    partitionLagSeconds: new Gauge({
      name: "sluice_partition_lag_seconds",
      help: "Age of the oldest acknowledged telemetry of a partition that is not yet aggregated, and the database that it lives in",
      labelNames: ["partition", "database"],
      registers,
    }),
    partitionsAway: new Gauge({
      name: "sluice_partitions_away",
      help: "Partitions whose people are in no evaluation at the moment, because their database cannot be asked or is behind",
      labelNames: ["database"],
      registers,
    }),
  };
};
