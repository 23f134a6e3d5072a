// What a target may be told of, in the words of the messages (docs/notifications.md).
import type { createNotificationTarget } from "../client.gen.ts";

export type EventName = NonNullable<
  NonNullable<Parameters<typeof createNotificationTarget>[0]["events"]>
>[number];

export const EVENTS: Readonly<Record<EventName, string>> = {
  "feature.rolledBack": "A feature was rolled back",
  "feature.wouldRollBack": "A feature in shadow would be rolled back",
  "feature.kept": "A feature is kept",
  "feature.undecided": "The time of a rule is over without a decision",
  "feature.untrusted": "The telemetry of a feature cannot be trusted",
  "feature.opened": "A feature was opened",
  "feature.created": "A feature was made",
  "feature.changed": "Fields of a feature were changed",
  "feature.ruleChanged": "A rule was changed",
  "feature.rolloutChanged": "A rollout was changed",
  "feature.trialRestarted": "A trial begins anew",
  "feature.deleted": "A feature was deleted",
  "approval.asked": "A change waits for a second person",
  "approval.applied": "A change was approved",
  "approval.ended": "A request was rejected, withdrawn or has moved",
  "approval.policyChanged": "The approval policy was changed",
  "schedule.planned": "A change was planned",
  "schedule.done": "A planned change was carried out",
  "schedule.skipped": "A planned change was left out",
  "schedule.cancelled": "A planned change was cancelled",
  "hook.fired": "An alert closed something",
  "review.weekly": "The weekly review",
  "edge.unconfirmed": "A rollback is not everywhere after 30 s",
};

export const isEvent = (name: string): name is EventName => Object.hasOwn(EVENTS, name);
export const eventText = (name: string): string => (isEvent(name) ? EVENTS[name] : name);
