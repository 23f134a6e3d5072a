// Which news an operator event (an approval, a schedule) or a delivery to a hook is. Pure.
import { z } from "zod";
import type { EventName } from "../../shared/notifications/events.ts";
import type { Announcement } from "./announce.ts";

const APPROVALS: Readonly<Record<string, EventName>> = {
  open: "approval.asked",
  applied: "approval.applied",
  rejected: "approval.ended",
  withdrawn: "approval.ended",
  stale: "approval.ended",
  failed: "approval.ended",
};

const SCHEDULES: Readonly<Record<string, EventName>> = {
  planned: "schedule.planned",
  done: "schedule.done",
  skipped: "schedule.skipped",
  failed: "schedule.skipped",
  cancelled: "schedule.cancelled",
};

/** As the triggers of their tables write them. */
const Approval = z.object({
  approvalId: z.string(),
  state: z.string(),
  featureIds: z.array(z.string()),
  reason: z.string(),
  askedBy: z.string(),
  decidedBy: z.string().nullable(),
  decisionReason: z.string().nullable(),
});
const Policy = z.object({ tags: z.array(z.string()), actor: z.string(), reason: z.string() });
const Schedule = z.object({
  scheduleId: z.string(),
  state: z.string(),
  featureId: z.string(),
  change: z.string().nullable(),
  dueAt: z.string(),
  madeBy: z.string(),
  reason: z.string(),
  note: z.string().nullable(),
});

const listed = (names: readonly string[]): string => {
  const first = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
};

const ofApproval = (at: Date, approval: z.infer<typeof Approval>): Announcement[] => {
  const { approvalId, state, featureIds, reason, askedBy, decidedBy, decisionReason } = approval;
  const event = APPROVALS[state];
  if (event === undefined) return [];
  const what = `${approvalId}, a change of ${listed(featureIds)} that ${askedBy} asks for (${reason})`;
  return [
    {
      event,
      at,
      actor: event === "approval.asked" ? askedBy : decidedBy,
      // Of several features it is nobody's in particular, and told to all who want the event.
      featureId: featureIds.length === 1 ? (featureIds[0] ?? null) : null,
      reason:
        event === "approval.asked"
          ? `${what}, waits for a second person`
          : `${what}, is ${state}${decisionReason === null ? "" : `: ${decisionReason}`}`,
    },
  ];
};

const ofSchedule = (at: Date, schedule: z.infer<typeof Schedule>): Announcement[] => {
  const { scheduleId, state, featureId, change, dueAt, madeBy, reason, note } = schedule;
  const event = SCHEDULES[state];
  if (event === undefined) return [];
  const due = dueAt.slice(0, 16).replace("T", " ");
  const what = `${scheduleId} (${change ?? "change"} at ${due} UTC, ${reason}) is ${state}`;
  const actor = event === "schedule.planned" ? madeBy : null;
  return [{ event, at, actor, featureId, reason: note === null ? what : `${what}: ${note}` }];
};

export type OperatorEventRow = {
  readonly at: Date;
  readonly kind: string;
  readonly document: unknown;
};

/** A kind or form that this version does not know is told to nobody. */
export const newsOfOperatorEvent = ({ at, kind, document }: OperatorEventRow): Announcement[] => {
  switch (kind) {
    case "approval": {
      const approval = Approval.safeParse(document);
      return approval.success ? ofApproval(at, approval.data) : [];
    }
    case "policy": {
      const policy = Policy.safeParse(document);
      if (!policy.success) return [];
      const { tags, actor, reason } = policy.data;
      const what =
        tags.length === 0 ? "no tag asks for approval" : `tags that ask for approval: ${listed(tags)}`;
      return [{ event: "approval.policyChanged", at, actor, reason: `${what} (${reason})` }];
    }
    case "schedule": {
      const schedule = Schedule.safeParse(document);
      return schedule.success ? ofSchedule(at, schedule.data) : [];
    }
    default:
      return [];
  }
};

export const AlertResults = z.array(
  z.object({
    title: z.string(),
    outcome: z.string(),
    detail: z.string(),
    featureIds: z.array(z.string()),
    revision: z.number().nullable(),
  }),
);

export type HookDeliveryRow = {
  readonly at: Date;
  readonly hook: string;
  readonly alerts: z.infer<typeof AlertResults>;
};

const TOLD_OUTCOMES: ReadonlySet<string> = new Set(["rolledBack", "wouldRollBack"]);

/** One piece for each alert that closed something or would have. */
export const newsOfHookDelivery = ({ at, hook, alerts }: HookDeliveryRow): Announcement[] =>
  alerts
    .filter(({ outcome }) => TOLD_OUTCOMES.has(outcome))
    .map(({ title, detail, featureIds, revision }) => ({
      event: "hook.fired",
      at,
      actor: `hook:${hook}`,
      featureId: featureIds.length === 1 ? (featureIds[0] ?? null) : null,
      revision,
      reason: title === "" ? detail : `${title}: ${detail}`,
    }));
