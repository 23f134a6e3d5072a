// From a commit to the edges.
import { lines } from "../panels.ts";
import { quantiles } from "../queries.ts";

export const DELIVERY = [
  lines(
    {
      title: "Commit",
      description: "A feature change from its request to its commit, the wait for locks and disk included.",
      width: 8,
      unit: "s",
    },
    ...quantiles("sluice_commit_seconds"),
  ),
  lines(
    {
      title: "Commit of a rollback to the edge",
      description: "From the commit to the edge's confirmation.",
      width: 8,
      unit: "s",
    },
    ...quantiles("sluice_rollback_to_edge_seconds"),
  ),
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
];
