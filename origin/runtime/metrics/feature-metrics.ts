// What evaluations found about features, and what became of the decisions. Series with the label `feature` are as many as features
// are evaluated here (origin/evaluate/report-metrics.ts), and go with their feature (origin/runtime/forget-series.ts).
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { makeReadGauge } from "./read-gauge.ts";

export const makeFeatureMetrics = (registers: Registry[]) => {
  return {
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
    signalThreshold: new Gauge({
      name: "sluice_signal_threshold",
      help: "The bound that a feature's rule sets for a signal, in the signal's unit",
      labelNames: ["feature", "signal"],
      registers,
    }),
    cohortSize: new Gauge({
      name: "sluice_cohort_size",
      help: "Exposed units of the current epoch",
      labelNames: ["feature", "cohort"],
      registers,
    }),
    featureState: new Gauge({
      name: "sluice_feature_state",
      help: "1 for the state that the last evaluation of a feature found: COLLECTING, TESTING, UNDECIDED, KEEP, WATCH, ROLLBACK, INVALID",
      labelNames: ["feature", "state"],
      registers,
    }),
    enforced: new Gauge({
      name: "sluice_rule_enforced",
      help: "1 for a feature whose decisions are carried out, 0 for one whose rule is in shadow mode",
      labelNames: ["feature"],
      registers,
    }),
    logEvidence: new Gauge({
      name: "sluice_log_evidence",
      help: "Natural logarithm of the evidence about a signal, of the test that is nearest to its bar: for a rollback, a keep, an alarm of a kept feature, or a sample ratio mismatch",
      labelNames: ["feature", "signal", "for"],
      registers,
    }),
    logBar: new Gauge({
      name: "sluice_log_evidence_bar",
      help: "Natural logarithm of the bar that sluice_log_evidence has to reach",
      labelNames: ["feature", "signal", "for"],
      registers,
    }),
    evaluationSeconds: new Histogram({
      name: "sluice_evaluation_seconds",
      help: "Time of one evaluation of one feature; features that are evaluated together share the time",
      buckets: [0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.015, 0.03, 0.05, 0.1, 0.5, 1],
      registers,
    }),
    evaluationAge: makeReadGauge(
      {
        name: "sluice_evaluation_age_seconds",
        help: "Time since this process last ended a round of evaluations; of processes with the role evaluate",
        labelNames: [],
      },
      registers,
    ),
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
    rollbacks: new Counter({
      name: "sluice_rollbacks_total",
      help: "Rollbacks by outcome: committed, conflict, failed, shadow",
      labelNames: ["feature", "outcome"],
      registers,
    }),
    rollbackReasons: new Counter({
      name: "sluice_rollback_reasons_total",
      help: "Committed rollbacks by what they were for: a signal (activation, retention, p95_latency, error_rate), deadline, or request for those that a person or another system asked for",
      labelNames: ["feature", "reason"],
      registers,
    }),
    rollbackAttempts: new Counter({
      name: "sluice_rollback_attempts_total",
      help: "Attempts at a rollback of any feature, by outcome: committed, conflict, failed. All outcomes are there from the start",
      labelNames: ["outcome"],
      registers,
    }),
    hookAlerts: new Counter({
      name: "sluice_hook_alerts_total",
      help: "Alerts that came to a hook, by what became of them",
      labelNames: ["hook", "outcome"],
      registers,
    }),
    lockTimeouts: new Counter({
      name: "sluice_lock_timeouts_total",
      help: "Evaluation locks that were lost or could not be taken in time",
      registers,
    }),
    evaluationLocks: new Gauge({
      name: "sluice_evaluation_locks",
      help: "Features by who evaluates them, as this process sees it: held (by this process), taken (by another one), unreachable (Redis does not answer, so every process evaluates)",
      labelNames: ["state"],
      registers,
    }),
    commitSeconds: new Histogram({
      name: "sluice_commit_seconds",
      help: "Time of one feature change from its request to its commit: the wait for the lock of the database's head and for its disk included",
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 15],
      registers,
    }),
  };
};
