// All metrics of /metrics. Stages get the instruments that they write to. Nothing decides by reading a metric.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

export const makeMetrics = () => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    pmfScore: new Gauge({
      name: "sluice_pmf_score",
      help: "0.4 activation + 0.5 retention - 0.1 latency penalty; reported, not decided on",
      labelNames: ["feature"],
      registers,
    }),
    signal: new Gauge({
      name: "sluice_signal",
      help: "A feature's measured signal: activation and retention as rates, p95_latency in ms, error_rate",
      labelNames: ["feature", "signal"],
      registers,
    }),
    cohortSize: new Gauge({
      name: "sluice_cohort_size",
      help: "Exposed units of the current epoch",
      labelNames: ["feature", "cohort"],
      registers,
    }),
    evaluationSeconds: new Histogram({
      name: "sluice_evaluation_seconds",
      help: "Time of one evaluation of one feature; features that are evaluated together share the time",
      buckets: [0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.015, 0.03, 0.05, 0.1, 0.5, 1],
      registers,
    }),
    failedEvaluations: new Gauge({
      name: "sluice_evaluation_failed",
      help: "1 for a feature that cannot be evaluated and stays as it is, whatever happens to it",
      labelNames: ["feature"],
      registers,
    }),
    sampleRatioMismatch: new Gauge({
      name: "sluice_sample_ratio_mismatch",
      help: "1 for a feature whose cohorts do not have the sizes of its rollout: no rate is judged and nothing kept until a person begins a new trial",
      labelNames: ["feature"],
      registers,
    }),
    heldBack: new Gauge({
      name: "sluice_held_back",
      help: "1 for a feature whose KEEP or rollback is held back: it does not stand without the units of hours that were not as usual",
      labelNames: ["feature"],
      registers,
    }),
    decisions: new Counter({
      name: "sluice_decisions_total",
      help: "Evaluations by the action that they decided on",
      labelNames: ["feature", "action"],
      registers,
    }),
    hookAlerts: new Counter({
      name: "sluice_hook_alerts_total",
      help: "Alerts that came to a hook, by what became of them",
      labelNames: ["hook", "outcome"],
      registers,
    }),
    rollbacks: new Counter({
      name: "sluice_rollbacks_total",
      help: "Rollbacks by outcome: committed, conflict, failed, shadow",
      labelNames: ["feature", "outcome"],
      registers,
    }),
    rollbackToEdgeSeconds: new Histogram({
      name: "sluice_rollback_to_edge_seconds",
      help: "Commit of a rollback to the edge's confirmation",
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30],
      registers,
    }),
    lockTimeouts: new Counter({
      name: "sluice_lock_timeouts_total",
      help: "Evaluation locks that were lost or could not be taken in time",
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
      help: "Acknowledged spans and log records: folded, of these capped (too many requests of one unit or network) and unsampled (otel_spans was locked), duplicates, setAside",
      labelNames: ["result"],
      registers,
    }),
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
    logAheadSeconds: new Gauge({
      name: "sluice_span_log_ahead_seconds",
      help: "Time for which the span log has partitions ahead; telemetry is refused at 0",
      registers,
    }),
    rollbacksIncomplete: new Gauge({
      name: "sluice_rollbacks_incomplete",
      help: "Rollbacks that have not reached every region of every edge within 30 s",
      registers,
    }),
    notifications: new Counter({
      name: "sluice_notifications_total",
      help: "Messages to a notification target by outcome: delivered, failed (tried again), refused, gone; expired counts news that was given up after a day",
      labelNames: ["target", "outcome"],
      registers,
    }),
    notificationsFailing: new Gauge({
      name: "sluice_notification_failing",
      help: "1 for a notification target that takes no message",
      labelNames: ["target"],
      registers,
    }),
    notificationsQueued: new Gauge({
      name: "sluice_notifications_queued",
      help: "News that waits for a notification target",
      labelNames: ["target"],
      registers,
    }),
    edgeRevision: new Gauge({
      name: "sluice_edge_revision",
      help: "Newest revision that a region of the edge has confirmed",
      labelNames: ["edge", "region"],
      registers,
    }),
  };
};

export type Metrics = ReturnType<typeof makeMetrics>;
