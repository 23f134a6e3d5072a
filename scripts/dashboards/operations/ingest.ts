// Telemetry on its way from a request into the counts.
import { lines } from "../panels.ts";
import { rate } from "../queries.ts";

export const INGEST = [
  lines(
    { title: "Ingest rate", description: "Spans and log records a second.", width: 8, unit: "cps" },
    { expr: `sum by (result) (${rate("sluice_ingest_spans_total")})`, legend: "{{result}}" },
    { expr: `sum by (result) (${rate("sluice_folded_spans_total")})`, legend: "fold: {{result}}" },
  ),
  lines(
    {
      title: "Refused and rejected",
      description: "Requests that were turned away, and spans that never count, by reason.",
      width: 8,
      unit: "cps",
    },
    {
      expr: `sum by (outcome) (${rate('sluice_ingest_requests_total{outcome!="stored"}')})`,
      legend: "requests: {{outcome}}",
    },
    { expr: `sum by (outcome) (${rate("sluice_ingest_dropped_total")})`, legend: "spans: {{outcome}}" },
  ),
  lines(
    {
      title: "Lost or left out",
      description: "Spans that edges dropped, by region, and spans that the fold left out, by reason.",
      width: 8,
      unit: "cps",
    },
    {
      expr: `sum by (region) (${rate("sluice_edge_dropped_spans_total")}) or vector(0)`,
      legend: "dropped at the edge {{region}}",
    },
    {
      expr: `sum by (reason) (${rate("sluice_left_out_spans_total")}) or vector(0)`,
      legend: "{{reason}}",
    },
  ),
  lines(
    {
      title: "Lag and partitions ahead",
      description: "Nothing is decided from 60 s of lag on. Telemetry is refused without partitions ahead.",
      width: 12,
      unit: "s",
    },
    { expr: "max(sluice_ingest_lag_seconds)", legend: "lag" },
    { expr: "min(sluice_span_log_ahead_seconds)", legend: "partitions ahead" },
  ),
  lines(
    {
      title: "Partitions",
      description: "Lag of each partition in its database, and partitions whose people are in no evaluation.",
      width: 12,
      unit: "s",
    },
    {
      expr: "max by (partition, database) (sluice_partition_lag_seconds)",
      legend: "{{partition}} in {{database}}",
    },
    {
      expr: "sum by (database) (sluice_partitions_away) or vector(0)",
      legend: "away: {{database}}",
    },
  ),
  lines(
    {
      title: "Streams of the span log",
      description:
        "With SPAN_LOG_URL: bytes of each partition's stream, and replicas that have all of it. Else empty.",
      width: 8,
      unit: "bytes",
    },
    {
      expr: "max by (partition) (sluice_span_log_bytes) or vector(0)",
      legend: "{{partition}}",
    },
    {
      expr: "min by (partition) (sluice_span_log_current_replicas) or vector(0)",
      legend: "replicas of {{partition}}",
    },
  ),
  lines(
    {
      title: "Sampled spans for the ClickHouse",
      description:
        "With CLICKHOUSE_URL: what waits, what it could not read, and the age of the oldest. At RAW_SPOOL_MB in a database its newest sample is left out.",
      width: 8,
      unit: "none",
    },
    { expr: `sum(${rate("sluice_raw_spans_sent_total")})`, legend: "sent a second" },
    { expr: "sum(max by (database) (sluice_raw_spans_waiting))", legend: "waiting" },
    {
      expr: "max by (database) (sluice_raw_spans_waiting_bytes)",
      legend: "waiting, bytes, in {{database}}",
    },
    {
      expr: "max by (database) (sluice_raw_spans_age_seconds)",
      legend: "oldest, seconds, in {{database}}",
    },
    { expr: "max by (database) (sluice_raw_spans_dead)", legend: "cannot be read, in {{database}}" },
  ),
  lines(
    {
      title: "Lost after a promotion",
      description:
        "Acknowledged records that the database lacks, and losses that could not be counted. Has to be 0.",
      width: 8,
      unit: "none",
    },
    {
      expr: "sum by (counted) (increase(sluice_lost_records_total[$__range]))",
      legend: "counted: {{counted}}",
    },
  ),
];
