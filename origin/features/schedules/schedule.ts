// A change that is carried out at a time: by whom it was made, when it is due, and what became of it.
import { z } from "zod";
import { FeatureId } from "../../../shared/ids.ts";
import { ProposedChange } from "../proposed-change.ts";

/** What a schedule is made of; it is what a second person approves. */
export const ProposedSchedule = z.strictObject({
  change: ProposedChange,
  /** ISO, in UTC. */
  at: z.string(),
  localTime: z.string(),
  zone: z.string(),
  graceSeconds: z.number(),
});
export type ProposedSchedule = z.infer<typeof ProposedSchedule>;

export const ScheduleState = z.enum(["planned", "done", "skipped", "failed", "cancelled"]);
export type ScheduleState = z.infer<typeof ScheduleState>;

export const Schedule = z.object({
  seq: z.number(),
  scheduleId: z.string(),
  changeId: z.string(),
  version: z.number(),
  featureId: FeatureId,
  change: ProposedChange,
  /** The feature's version when the schedule was made. */
  baseVersion: z.number(),
  /** Its version now; null: it does not exist. */
  featureVersion: z.number().nullable(),
  at: z.date(),
  localTime: z.string(),
  zone: z.string(),
  graceSeconds: z.number(),
  reason: z.string(),
  madeBy: z.string(),
  madeAt: z.date(),
  /** Who approved it, or that it was forced; null: nobody had to. */
  permission: z.record(z.string(), z.unknown()).nullable(),
  state: ScheduleState,
  attempts: z.number(),
  lastError: z.string().nullable(),
  finishedAt: z.date().nullable(),
  finishedBy: z.string().nullable(),
  note: z.string().nullable(),
  outcome: z.record(z.string(), z.unknown()).nullable(),
});
export type Schedule = z.infer<typeof Schedule>;

/** To be shown and cancelled. A newer version may have planned a change that this one does not know. */
export const ShownSchedule = Schedule.extend({ change: z.looseObject({ kind: z.string() }) });
export type ShownSchedule = z.infer<typeof ShownSchedule>;

/** How the audit names it. */
export const actorOf = ({ scheduleId }: Pick<Schedule, "scheduleId">): string => `schedule:${scheduleId}`;
