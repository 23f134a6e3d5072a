// Whether Sluice itself is well: ingest, evaluation, commits, delivery and edges.
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { begin } from "./begin.ts";
import { figure, lines } from "./panels.ts";

const row = (title: string) => new dashboard.RowBuilder(title);
const rate = (series: string): string => `rate(${series}[$__rate_interval])`;
const quantile = (share: number, metric: string): string =>
  `histogram_quantile(${share}, sum by (le) (increase(${metric}_bucket[$__range])))`;
const quantiles = (metric: string) => [
  { expr: quantile(0.5, metric), legend: "median" },
  { expr: quantile(0.99, metric), legend: "99th percentile" },
];

export const operationsDashboard = (): dashboard.Dashboard =>
  begin({
    uid: "sluice-operations",
    title: "Sluice: operations",
    description: "Ingest, evaluation, delivery and edges of Sluice itself",
  })
    .withPanel(
      figure(
        { title: "Origins up", description: "Processes that answer Prometheus.", width: 4, unit: "none" },
        'sum(up{job="sluice"})',
      ),
    )
    .withPanel(
      figure(
        {
          title: "Rollbacks under way too long",
          description: "Not at every region of every edge within 30 s. Has to be 0.",
          width: 5,
          unit: "none",
        },
        "max(sluice_rollbacks_incomplete)",
      ),
    )
    .withPanel(
      figure(
        { title: "Revision", description: "Newest revision in the database.", width: 5, unit: "none" },
        "max(sluice_revision)",
      ),
    )
    .withPanel(
      figure(
        {
          title: "Ingest lag",
          description: "Age of the oldest telemetry not counted yet.",
          width: 5,
          unit: "s",
        },
        "max(sluice_ingest_lag_seconds)",
      ),
    )
    .withPanel(
      figure(
        {
          title: "Oldest message of the outbox",
          description: "0 without one that waits.",
          width: 5,
          unit: "s",
        },
        "max(sluice_outbox_age_seconds)",
      ),
    )
    .withRow(row("Objectives"))
    .withPanel(
      lines(
        {
          title: "Burn rate of the last hour",
          description:
            "How many times as much fails as an objective allows. Above 14.4 (dashed) for an hour it pages.",
          width: 12,
          unit: "none",
        },
        { expr: "sluice:burn_rate:1h", legend: "{{objective}}" },
        { expr: "vector(14.4)", legend: "pages", dashed: true },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Burn rate of three days",
          description: "At 1 (dashed) all that 30 days allow is used up after 30 days.",
          width: 12,
          unit: "none",
        },
        { expr: "sluice:burn_rate:3d", legend: "{{objective}}" },
        { expr: "vector(1)", legend: "allowed", dashed: true },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Answers of the admin API",
          description: "Requests a second by the kind of their status.",
          width: 12,
          unit: "reqps",
        },
        {
          expr: `sum by (status) (${rate("sluice_admin_request_seconds_count")})`,
          legend: "{{status}}",
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Time of the admin API",
          description: "Until an answer begins.",
          width: 12,
          unit: "s",
        },
        ...quantiles("sluice_admin_request_seconds"),
      ),
    )
    .withRow(row("Ingest"))
    .withPanel(
      lines(
        { title: "Ingest rate", description: "Spans and log records a second.", width: 8, unit: "cps" },
        { expr: `sum by (result) (${rate("sluice_ingest_spans_total")})`, legend: "{{result}}" },
        { expr: `sum by (result) (${rate("sluice_folded_spans_total")})`, legend: "fold: {{result}}" },
      ),
    )
    .withPanel(
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
    )
    .withPanel(
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
    )
    .withPanel(
      lines(
        {
          title: "Lag and partitions ahead",
          description:
            "Nothing is decided from 60 s of lag on. Telemetry is refused without partitions ahead.",
          width: 12,
          unit: "s",
        },
        { expr: "max(sluice_ingest_lag_seconds)", legend: "lag" },
        { expr: "min(sluice_span_log_ahead_seconds)", legend: "partitions ahead" },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Partitions",
          description:
            "Lag of each partition in its database, and partitions whose people are in no evaluation.",
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
    )
    .withPanel(
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
    )
    .withPanel(
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
    )
    .withPanel(
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
    )
    .withRow(row("Evaluation and locks"))
    .withPanel(
      lines(
        { title: "Time of a check", description: "Of one feature. Bound: 50 ms.", width: 8, unit: "s" },
        ...quantiles("sluice_evaluation_seconds"),
      ),
    )
    .withPanel(
      lines(
        { title: "Decisions", description: "Evaluations a second by action.", width: 8, unit: "cps" },
        { expr: `sum by (action) (${rate("sluice_decisions_total")})`, legend: "{{action}}" },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Lock contention",
          description:
            "Evaluation locks that timed out, features by who holds their lock, and rollbacks that lost to another change.",
          width: 8,
          unit: "none",
        },
        { expr: "sum(increase(sluice_lock_timeouts_total[$__range]))", legend: "timeouts" },
        { expr: "sum by (state, instance) (sluice_evaluation_locks)", legend: "{{instance}}: {{state}}" },
        {
          expr: 'sum(increase(sluice_rollback_attempts_total{outcome="conflict"}[$__range]))',
          legend: "conflicts",
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Rounds of evaluations",
          description: "Time since each process last ended one. Above 60 s it pages.",
          width: 12,
          unit: "s",
        },
        { expr: "max by (instance) (sluice_evaluation_age_seconds)", legend: "{{instance}}" },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Features that need a look",
          description:
            "Cannot be evaluated, cohorts of the wrong size, decisions held back, and spans that cannot be counted.",
          width: 12,
          unit: "none",
        },
        { expr: "sum(sluice_evaluation_failed) or vector(0)", legend: "cannot be evaluated" },
        { expr: "sum(sluice_sample_ratio_mismatch) or vector(0)", legend: "sample ratio mismatch" },
        { expr: "sum(sluice_held_back) or vector(0)", legend: "held back" },
        { expr: "sum(sluice_fold_set_aside_spans) or vector(0)", legend: "spans set aside" },
      ),
    )
    .withRow(row("From commit to edge"))
    .withPanel(
      lines(
        {
          title: "Commit",
          description:
            "A feature change from its request to its commit, the wait for locks and disk included.",
          width: 8,
          unit: "s",
        },
        ...quantiles("sluice_commit_seconds"),
      ),
    )
    .withPanel(
      lines(
        {
          title: "Commit of a rollback to the edge",
          description: "From the commit to the edge's confirmation.",
          width: 8,
          unit: "s",
        },
        ...quantiles("sluice_rollback_to_edge_seconds"),
      ),
    )
    .withPanel(
      lines(
        {
          title: "Rollback attempts",
          description: "By outcome. Failed ones page.",
          width: 8,
          unit: "none",
        },
        {
          expr: "sum by (outcome) (increase(sluice_rollback_attempts_total[$__range]))",
          legend: "{{outcome}}",
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Outbox and listeners",
          description: "Messages that wait, and processes that hear of changes as they are committed.",
          width: 8,
          unit: "none",
        },
        { expr: "max(sluice_outbox_pending)", legend: "waiting" },
        { expr: "sum(sluice_listening)", legend: "listening" },
      ),
    )
    .withPanel(
      lines(
        {
          title: "News",
          description: "Messages to notification targets by outcome, and news that waits for them.",
          width: 8,
          unit: "none",
        },
        {
          expr: "sum by (target, outcome) (increase(sluice_notifications_total[$__range])) or vector(0)",
          legend: "{{target}} {{outcome}}",
        },
        {
          expr: "max by (target) (sluice_notifications_queued) or vector(0)",
          legend: "waiting for {{target}}",
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Alerts of other systems",
          description: "What came to hooks, by what became of it.",
          width: 8,
          unit: "none",
        },
        {
          expr: "sum by (hook, outcome) (increase(sluice_hook_alerts_total[$__range])) or vector(0)",
          legend: "{{hook}} {{outcome}}",
        },
      ),
    )
    .withRow(row("Edges"))
    .withPanel(
      lines(
        {
          title: "Revisions behind",
          description: "How many revisions a region of an edge lacks.",
          width: 8,
          unit: "none",
        },
        {
          expr: "scalar(max(sluice_revision)) - max by (edge, region) (sluice_edge_revision)",
          legend: "{{edge}} {{region}}",
        },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Changes that an edge lacks",
          description: "How many, and for how long the oldest. Nothing is lacking while all is well.",
          width: 8,
          unit: "none",
        },
        { expr: "max by (edge) (sluice_edge_missing_changes)", legend: "{{edge}}" },
        { expr: "max by (edge) (sluice_edge_behind_seconds)", legend: "{{edge}}, seconds" },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Age",
          description:
            "Time since a region was last known to have all that its hub has: 2 s while it is well.",
          width: 8,
          unit: "s",
        },
        { expr: "min by (edge, region) (sluice_edge_age_seconds)", legend: "{{edge}} {{region}}" },
      ),
    )
    .withPanel(
      lines(
        {
          title: "Confirmations",
          description: "Answers of each region, and edges that take no pushes.",
          width: 8,
          unit: "cps",
        },
        {
          expr: `sum by (edge, region) (${rate("sluice_edge_confirmations_total")})`,
          legend: "{{edge}} {{region}}",
        },
        { expr: "max by (edge) (sluice_edge_push_failing)", legend: "{{edge}} fails" },
        { expr: "sum by (edge) (increase(sluice_edge_ahead_total[$__range]))", legend: "{{edge}} ahead" },
      ),
    )
    .build();
