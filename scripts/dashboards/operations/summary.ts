// At a glance: whether anything is late.
import { figure } from "../panels.ts";

export const SUMMARY = [
  figure(
    { title: "Origins up", description: "Processes that answer Prometheus.", width: 4, unit: "none" },
    'sum(up{job="sluice"})',
  ),
  figure(
    {
      title: "Rollbacks under way too long",
      description: "Not at every region of every edge within 30 s. Has to be 0.",
      width: 5,
      unit: "none",
    },
    "max(sluice_rollbacks_incomplete)",
  ),
  figure(
    { title: "Revision", description: "Newest revision in the database.", width: 5, unit: "none" },
    "max(sluice_revision)",
  ),
  figure(
    {
      title: "Ingest lag",
      description: "Age of the oldest telemetry not counted yet.",
      width: 5,
      unit: "s",
    },
    "max(sluice_ingest_lag_seconds)",
  ),
  figure(
    {
      title: "Oldest message of the outbox",
      description: "0 without one that waits.",
      width: 5,
      unit: "s",
    },
    "max(sluice_outbox_age_seconds)",
  ),
];
