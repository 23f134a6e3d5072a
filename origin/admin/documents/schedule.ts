// Schedules in the admin API.
import { z } from "@hono/zod-openapi";
import { Rule } from "../../../shared/features/rule.ts";
import { FeatureId } from "../../../shared/ids.ts";
import type { ProposedChange } from "../../features/proposed-change.ts";
import type { ShownSchedule } from "../../features/schedules/schedule.ts";
import { Cursor, Time } from "./common.ts";
import { dropUndefined, EnableBody, FeatureEditBody, Reason, RolloutBody } from "./feature.ts";

const Change = z
  .discriminatedUnion("kind", [
    EnableBody.omit({ reason: true }).extend({ kind: z.literal("enable") }),
    z.strictObject({ kind: z.literal("rollback") }),
    RolloutBody.omit({ reason: true }).extend({ kind: z.literal("rollout") }),
    z.strictObject({ kind: z.literal("ramp"), paused: z.boolean() }),
    z.strictObject({ kind: z.literal("restart") }),
    z.strictObject({ kind: z.literal("update"), edit: FeatureEditBody.omit({ reason: true }) }),
    z.strictObject({ kind: z.literal("rule"), rule: Rule.omit({ featureId: true }) }),
    z.strictObject({ kind: z.literal("delete") }),
  ])
  .openapi({
    description: "`enable` opens the feature, `rollback` closes it. The others are as their own operations.",
  });

export const ScheduleBody = z.strictObject({
  featureId: FeatureId,
  change: Change,
  at: z.string().max(64).openapi({
    description:
      "On the clocks of `zone`, such as `2026-12-01T09:00`; with its offset where the hour comes twice.",
    example: "2026-12-01T09:00",
  }),
  zone: z.string().max(64).openapi({ description: "A time zone by its name.", example: "Europe/Berlin" }),
  graceSeconds: z
    .number()
    .int()
    .min(1)
    .max(2_592_000)
    .default(3_600)
    .openapi({ description: "If no origin runs at its time: so much later it is still carried out." }),
  reason: Reason,
});

/** The change of the body as the form that every change has. */
export const proposedOf = (featureId: FeatureId, change: z.output<typeof Change>): ProposedChange => {
  switch (change.kind) {
    case "enable":
    case "rollout": {
      const { kind: _kind, ...shares } = change;
      return change.kind === "enable"
        ? { kind: "enable", featureId, shares }
        : { kind: "rollout", featureId, shares: { ...shares, rolloutBps: change.rolloutBps } };
    }
    case "update":
      return { kind: "update", featureId, edit: dropUndefined(change.edit) };
    case "rule":
      return { kind: "rule", featureId, rule: { ...change.rule, featureId } };
    case "ramp":
      return { kind: "ramp", featureId, paused: change.paused };
    case "rollback":
    case "restart":
    case "delete":
      return { kind: change.kind, featureId };
  }
};

export const ScheduleDocument = z
  .object({
    scheduleId: z.string(),
    version: z.number().int(),
    featureId: z.string(),
    change: z.looseObject({ kind: z.string() }),
    at: Time.openapi({ description: "The instant, in UTC." }),
    localTime: z.string().openapi({ description: "As it was given." }),
    zone: z.string(),
    graceSeconds: z.number().int(),
    state: z.enum(["planned", "done", "skipped", "failed", "cancelled"]),
    note: z.string().nullable().openapi({ description: "What became of it, in a sentence." }),
    reason: z.string(),
    madeBy: z.string(),
    madeAt: Time,
    baseVersion: z.number().int().openapi({ description: "The feature's version when it was made." }),
    featureVersion: z
      .number()
      .int()
      .nullable()
      .openapi({ description: "Its version now; null: it is gone." }),
    permission: z
      .record(z.string(), z.unknown())
      .nullable()
      .openapi({ description: "Who approved it, or that it was forced; null: nobody had to." }),
    attempts: z.number().int(),
    lastError: z.string().nullable().openapi({ description: "Of an attempt that is made again." }),
    finishedAt: Time.nullable(),
    finishedBy: z.string().nullable().openapi({ description: "Who cancelled it." }),
    outcome: z.record(z.string(), z.unknown()).nullable(),
  })
  .openapi("Schedule");

export const SchedulesDocument = z.object({ schedules: z.array(ScheduleDocument), next: Cursor.nullable() });

export const scheduleDocument = ({ seq: _seq, changeId: _changeId, ...schedule }: ShownSchedule) => schedule;
