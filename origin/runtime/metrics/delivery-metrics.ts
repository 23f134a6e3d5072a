// Feature changes on their way to the edges, and news to people and programs outside.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

import { makeReadGauge } from "./read-gauge.ts";

export const makeDeliveryMetrics = (registers: Registry[]) => {
  return {
    rollbackToEdgeSeconds: new Histogram({
      name: "sluice_rollback_to_edge_seconds",
      help: "Commit of a rollback to the edge's confirmation",
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30],
      registers,
    }),
    rollbacksIncomplete: new Gauge({
      name: "sluice_rollbacks_incomplete",
      help: "Rollbacks that have not reached every region of every edge within 30 s",
      registers,
    }),
    revision: new Gauge({
      name: "sluice_revision",
      help: "Newest revision in the database",
      registers,
    }),
    listening: makeReadGauge(
      {
        name: "sluice_listening",
        help: "1 while this process is connected to the database to hear of changes, else 0; of processes with the role push",
        labelNames: [],
      },
      registers,
    ),
    outboxPending: new Gauge({
      name: "sluice_outbox_pending",
      help: "Messages of the outbox that are not delivered yet",
      registers,
    }),
    outboxAgeSeconds: new Gauge({
      name: "sluice_outbox_age_seconds",
      help: "Age of the oldest message of the outbox that is not delivered yet; 0 without one",
      registers,
    }),
    edgeRevision: new Gauge({
      name: "sluice_edge_revision",
      help: "Newest revision that a region of the edge has confirmed",
      labelNames: ["edge", "region"],
      registers,
    }),
    edgeAge: makeReadGauge(
      {
        name: "sluice_edge_age_seconds",
        help: "Time since a region of an edge was last known to have all that its hub has: 2 s at most while it is well",
        labelNames: ["edge", "region"],
      },
      registers,
    ),
    edgeConfirmations: new Counter({
      name: "sluice_edge_confirmations_total",
      help: "Answers in which a region of an edge confirmed a revision: heartbeats too, one in two seconds",
      labelNames: ["edge", "region"],
      registers,
    }),
    edgeAhead: new Counter({
      name: "sluice_edge_ahead_total",
      help: "Times that an edge knew changes that the database lacks, as after a restore or the promotion of a standby that was behind",
      labelNames: ["edge"],
      registers,
    }),
    edgeMissingChanges: new Gauge({
      name: "sluice_edge_missing_changes",
      help: "Committed changes that a region of the edge has not confirmed; no more than 1,000 are counted",
      labelNames: ["edge"],
      registers,
    }),
    edgeBehindSeconds: new Gauge({
      name: "sluice_edge_behind_seconds",
      help: "Time since the oldest change that a region of the edge has not confirmed was committed; 0 for an edge that has all",
      labelNames: ["edge"],
      registers,
    }),
    edgePushFailing: new Gauge({
      name: "sluice_edge_push_failing",
      help: "1 for an edge that does not take pushes, 0 for one that does",
      labelNames: ["edge"],
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
  };
};
