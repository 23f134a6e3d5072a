// Evaluations, and who holds which lock.
import { lines } from "../panels.ts";
import { rate, quantiles } from "../queries.ts";

export const EVALUATION = [
  lines(
    { title: "Time of a check", description: "Of one feature. Bound: 50 ms.", width: 8, unit: "s" },
    ...quantiles("sluice_evaluation_seconds"),
  ),
  lines(
    { title: "Decisions", description: "Evaluations a second by action.", width: 8, unit: "cps" },
    { expr: `sum by (action) (${rate("sluice_decisions_total")})`, legend: "{{action}}" },
  ),
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
  lines(
    {
      title: "Rounds of evaluations",
      description: "Time since each process last ended one. Above 60 s it pages.",
      width: 12,
      unit: "s",
    },
    { expr: "max by (instance) (sluice_evaluation_age_seconds)", legend: "{{instance}}" },
  ),
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
];
