// What Sluice announces. A stage that has news of its own adds a line here, and calls announce().
import * as z from "zod";

type EventText = {
  /** What a message begins with, before the feature's name. */
  readonly headline: string;
  /** When it happens, for docs/notifications.md and the API's document. */
  readonly meaning: string;
};

export const EVENTS = {
  "feature.rolledBack": {
    headline: "Rolled back",
    meaning: "A feature was closed by its evidence, by a person or by an alarm.",
  },
  "feature.wouldRollBack": {
    headline: "Would be rolled back",
    meaning: "The evidence speaks against a feature whose rule is in shadow mode, so it stays open.",
  },
  "feature.kept": { headline: "Kept", meaning: "A feature is proven to meet every threshold of its rule." },
  "feature.undecided": {
    headline: "Still undecided",
    meaning: "The evaluation window of a rule is over without a decision.",
  },
  "feature.untrusted": {
    headline: "Cannot be judged",
    meaning: "The telemetry of a feature cannot be trusted now, so nothing is decided on it.",
  },
  "feature.opened": { headline: "Opened", meaning: "A person opened a feature." },
  "feature.created": { headline: "Created", meaning: "A feature was made." },
  "feature.changed": { headline: "Changed", meaning: "Fields of a feature were changed." },
  "feature.ruleChanged": { headline: "New rule", meaning: "The rule of a feature was set or changed." },
  "feature.rolloutChanged": {
    headline: "Rollout changed",
    meaning: "The rollout or the holdout of a feature was changed by a person or by its ramp.",
  },
  "feature.trialRestarted": {
    headline: "New trial",
    meaning: "A person let the trial of a feature begin anew.",
  },
  "feature.deleted": { headline: "Deleted", meaning: "A feature was deleted." },
  "approval.asked": {
    headline: "Approval asked",
    meaning: "A change waits for a second person.",
  },
  "approval.applied": { headline: "Approved", meaning: "A change was approved and carried out." },
  "approval.ended": {
    headline: "Not approved",
    meaning: "A request for approval was rejected or withdrawn, or what it was about has moved or failed.",
  },
  "approval.policyChanged": {
    headline: "New approval policy",
    meaning: "The tags whose features need a second person were changed.",
  },
  "schedule.planned": { headline: "Scheduled", meaning: "A change was planned for a time." },
  "schedule.done": { headline: "Done as scheduled", meaning: "A planned change was carried out." },
  "schedule.skipped": {
    headline: "Schedule skipped",
    meaning: "A planned change was left out or could not be carried out.",
  },
  "schedule.cancelled": { headline: "Schedule cancelled", meaning: "Somebody cancelled a planned change." },
  "hook.fired": {
    headline: "An alert came",
    meaning: "An alert closed features by a hook, or would have if the hook were not in shadow mode.",
  },
  "review.weekly": {
    headline: "Weekly review",
    meaning:
      "Once a week (`REVIEW_AT`): what was rolled back, never decides, can be removed, or is used by nobody.",
  },
  "edge.unconfirmed": {
    headline: "An edge does not confirm a rollback",
    meaning: "A rollback has not reached every region of every edge within 30 s.",
  },
} as const satisfies Readonly<Record<string, EventText>>;

export type EventName = keyof typeof EVENTS;

const isEventName = (text: string): text is EventName => Object.hasOwn(EVENTS, text);

export const eventNames: readonly EventName[] = Object.keys(EVENTS).filter(isEventName);

export const EventName = z.enum(eventNames, `must be one of ${eventNames.join(", ")}`);

/** Of a message that somebody asked for to see whether it comes. No target can choose it. */
export const TEST_EVENT = "test";

/** Of a name that an older or newer origin has stored, too. */
export const headlineOf = (event: string): string => {
  if (event === TEST_EVENT) return "Test";
  return isEventName(event) ? EVENTS[event].headline : event;
};
