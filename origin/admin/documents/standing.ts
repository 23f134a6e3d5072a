// How a feature stands, in short, as the list of features says it.
import { z } from "@hono/zod-openapi";
import { Time } from "./common.ts";
import { Against, Signal } from "./evaluation.ts";

const progress = z
  .number()
  .openapi({ description: "Part of the way of the evidence to its bar, from 0 to 1, of logarithms." });
const Sight = z.object({
  progress,
  expected: z
    .union([
      z.object({
        signal: Signal,
        more: z
          .number()
          .openapi({ description: "Further mature units, or requests, at the rate seen so far." }),
        of: z.enum(["units", "requests"]),
        seconds: z
          .number()
          .nullable()
          .openapi({ description: "At the last day's traffic; null: that cannot be said." }),
      }),
      z.null(),
    ])
    .openapi({ description: "null: it is not in sight." }),
});

export const StandingDocument = z
  .object({
    cohorts: z
      .object({ treatment: z.number(), holdout: z.number() })
      .openapi({ description: "Exposed units that the trial counts." }),
    perDay: z.number().openapi({ description: "New units of treatment, at the rate of the last day." }),
    nearness: z
      .number()
      .nullable()
      .openapi({ description: "Part of the way to the next decision, or alarm, from 0 to 1." }),
    scores: z
      .array(z.number())
      .max(24)
      .openapi({ description: "Of the newest evaluations of the epoch that have one, the newest last." }),
    signals: z.array(
      z.object({
        signal: Signal,
        against: Against,
        threshold: z.number(),
        rate: z.number().nullable().openapi({ description: "At the longest age that anybody has reached." }),
        holdoutRate: z.number().nullable(),
        n: z.number().openapi({ description: "Mature units, or requests, of treatment." }),
        interval: z
          .union([z.object({ lower: z.number(), upper: z.number() }), z.null()])
          .openapi({ description: "95 %, and it holds at every look at once." }),
        counts: z.boolean().openapi({ description: "Whether there are enough units for it to decide." }),
        rollback: progress,
        keep: progress.nullable(),
      }),
    ),
    rollback: z.union([Sight, z.null()]),
    keep: z.union([Sight, z.null()]),
    missing: z.array(z.string()).openapi({ description: "What is not there yet, each in a sentence." }),
    telemetryAt: Time.nullable().openapi({
      description: "The newest request or exposure, to the width of a bucket.",
    }),
    checkedAt: Time.nullable().openapi({ description: "The last look, with or without a change." }),
  })
  .openapi("Standing");
