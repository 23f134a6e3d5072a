// Everything that explains the present verdict about a feature.
import { z } from "@hono/zod-openapi";
import { Time } from "./common.ts";
import { FeatureDocument } from "./feature.ts";
import { UpcomingDocument } from "./upcoming.ts";
import { Against, Signal, Tally } from "./evaluation.ts";

const Interval = z
  .object({ lower: z.number(), upper: z.number() })
  .openapi({ description: "95 %, and it holds at every look at once." });
const Evidence = z.object({
  evidence: z.string().openapi({ example: "8,393 : 1" }),
  needed: z.string().openapi({ example: "25,000 : 1" }),
  logEvidence: z.number().nullable(),
  logBar: z.number().nullable(),
});
const Rollback = Evidence.extend({
  progress: z.number().openapi({ description: "Part of the way to the bar, from 0 to 1, of logarithms." }),
  besideHoldout: z.union([Evidence, z.null()]),
});
const orNull = <T extends z.ZodType>(schema: T) => z.union([schema, z.null()]);

const Expected = z.object({
  signal: Signal,
  more: z.number().openapi({ description: "Further mature units, or requests, at the rate seen so far." }),
  of: z.enum(["units", "requests"]),
  seconds: z
    .number()
    .nullable()
    .openapi({ description: "At the last day's traffic; null: that cannot be said." }),
});
const Path = z.object({
  sentence: z.string(),
  expected: orNull(Expected).openapi({ description: "null: it is not in sight." }),
});
const Cohort = z.object({
  exposed: z.number(),
  perDay: z.number().openapi({ description: "New units, of the last day." }),
});

export const WhyDocument = z
  .object({
    featureId: z.string(),
    version: z.number().int(),
    epoch: z.number().int(),
    enabled: z.boolean(),
    rolloutBps: z.number().int(),
    holdoutBps: z.number().int(),
    rolledBackAt: Time.nullable(),
    rollbackReason: z.string().nullable(),
    owner: z.string().nullable(),
    description: z.string().nullable(),
    link: z.string().nullable(),
    removeAfter: z.string().nullable(),
    lockdown: z.boolean(),
    managedBy: FeatureDocument.shape.managedBy,
    mode: z.enum(["shadow", "enforce"]).nullable().openapi({ description: "null: it has no rule." }),
    summary: z.string().openapi({ description: "The verdict, or why there is none, in one sentence." }),
    verdict: orNull(
      z.object({
        state: z.enum(["COLLECTING", "TESTING", "UNDECIDED", "KEEP", "WATCH", "ROLLBACK", "INVALID"]),
        action: z.enum(["KEEP", "ROLLBACK", "WAIT"]),
        sentence: z.string(),
        mode: z.enum(["shadow", "enforce"]),
        ruleVersion: z.number().int(),
        at: Time,
      }),
    ).openapi({ description: "null: it was not evaluated in this epoch." }),
    checkedAt: Time.nullable().openapi({ description: "The last look, with or without a change." }),
    signals: z.array(
      z.object({
        signal: Signal,
        against: Against,
        ageSeconds: z.number().nullable(),
        threshold: z.number(),
        rate: z.number().nullable(),
        interval: orNull(Interval),
        lift: orNull(Interval).openapi({ description: "Relative difference to the holdout." }),
        treatment: Tally,
        holdout: orNull(Tally),
        immature: z.number().nullable(),
        counts: z.boolean().openapi({ description: "Whether there are enough units for it to decide." }),
        rollback: Rollback.openapi({ description: "By everything that the trial has counted." }),
        sinceKept: orNull(Rollback.extend({ treatment: Tally, holdout: orNull(Tally) })).openapi({
          description: "Whether it has fallen since the feature was kept, which alone counts from then on.",
        }),
        keep: orNull(Evidence),
      }),
    ),
    rollback: Path,
    keep: Path,
    cohorts: z.object({ treatment: Cohort, holdout: Cohort }),
    sampleRatio: orNull(
      z.object({
        since: Time.openapi({ description: "The shares of the cohorts are as they are since then." }),
        expected: z.number().openapi({ description: "Share of treatment among both cohorts." }),
        observed: z.number(),
        treatment: z.number(),
        holdout: z.number(),
        pValue: z.number().openapi({ description: "It holds at every look." }),
        isMismatch: z.boolean().openapi({ description: "So unlikely that nothing is decided any more." }),
      }),
    ).openapi({ description: "null: there is no holdout, or nothing to compare yet." }),
    ramp: orNull(
      z.object({
        stagesBps: z.array(z.number().int()),
        minStageSeconds: z.number(),
        paused: z.boolean(),
        since: Time.nullable().openapi({
          description: "Since when it is at its stage; null: not known yet.",
        }),
        nextBps: z.number().int().nullable().openapi({ description: "null: it is at the last stage." }),
        readyAt: Time.nullable().openapi({ description: "The stage's least time is over then." }),
        reason: z.string().openapi({ description: "What the next step waits for." }),
      }),
    ).openapi({ description: "null: the rule has no ramp." }),
    newestExposureAt: Time.nullable().openapi({ description: "To the width of a bucket." }),
    missing: z.array(z.string()).openapi({ description: "What is not there yet, each in a sentence." }),
    warnings: z.array(z.string()).openapi({ description: "What should be looked at, each in a sentence." }),
    schedules: UpcomingDocument,
    notCounted: z.record(z.string(), z.number()),
    botRequests: z.number(),
    telemetry: z.array(
      z.object({
        region: z.string(),
        seenAt: Time,
        droppedSpans: z.number(),
        waitsFrom: Time.nullable(),
      }),
    ),
  })
  .openapi("Why");
