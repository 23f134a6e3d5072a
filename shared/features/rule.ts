// What a feature has to achieve. Field names and bounds of the first six are the Cohort-Atomic Rollback pattern's.
import * as z from "zod";
import { Bps, FeatureId } from "../ids.ts";

const rate = z.number().min(0).max(1);

const DAY_S = 86_400;
/** A visitor's cookie lives this long: nobody who acts later is known to have been there. */
const MAX_WINDOW_DAYS = 400;
const MAX_DEADLINE_DAYS = 3_650;
/** An hour: durations of spans are stored in microseconds, in 32 bits. */
const MAX_LATENCY_MS = 3_600_000;
const MAX_UNITS = 1_000_000_000;

const secondsUpTo = (days: number) =>
  z
    .number()
    .int()
    .positive()
    .max(days * DAY_S, `must be at most ${days * DAY_S} seconds (${days} days)`);
const windowSeconds = secondsUpTo(MAX_WINDOW_DAYS);
const deadlineSeconds = secondsUpTo(MAX_DEADLINE_DAYS);
const priorUnits = z.number().positive().max(MAX_UNITS);

const Ramp = z.strictObject({
  stagesBps: z
    .array(Bps.min(1))
    .min(1)
    .max(100)
    .refine((stages) => stages.every((bps, i) => bps > (stages[i - 1] ?? 0)), "must rise from stage to stage")
    .describe("Rollout of each stage in basis points, strictly rising."),
  minStageSeconds: deadlineSeconds.describe("A stage lasts at least this long."),
});

/** What a signal is held against: "both" needs evidence against the threshold and beside the holdout. */
const Against = z.enum(["threshold", "holdout", "both"]);
export type Against = z.infer<typeof Against>;

const against = (signal: string) =>
  Against.describe(
    `Whether ${signal} is tested against the threshold, against the holdout, or against both.`,
  );

export const Rule = z.strictObject({
  featureId: FeatureId.describe("The feature that the rule is about."),
  activationThreshold: rate.describe(
    "Share of exposed units that act within `activationWindowSeconds`. At 0 the signal is not tested.",
  ),
  retentionThreshold: rate.describe(
    "Share of exposed units that come back within `retentionWindowSeconds`. At 0 the signal is not tested.",
  ),
  latencyP95Threshold: z
    .number()
    .positive()
    .max(MAX_LATENCY_MS)
    .describe("Milliseconds. At most 5 % of the requests may take longer."),
  minCohortSize: z
    .number()
    .int()
    .positive()
    .max(MAX_UNITS)
    .describe(
      "Units in treatment before a signal decides: mature ones for activation and retention, exposed ones for latency and errors.",
    ),
  evaluationWindowSeconds: deadlineSeconds.describe(
    "Deadline of a decision, counted from the beginning of the trial.",
  ),

  mode: z
    .enum(["shadow", "enforce"])
    .default("shadow")
    .describe("`shadow` records decisions. `enforce` also carries them out."),
  activationWindowSeconds: windowSeconds
    .default(86_400)
    .describe("How long after its first exposure a unit may act."),
  retentionWindowSeconds: windowSeconds
    .default(604_800)
    .describe("How long after its first exposure a unit may come back."),
  returnAfterSeconds: windowSeconds
    .default(86_400)
    .describe("A return is a visit at least this long after the first exposure."),
  falseRollbackRate: z
    .number()
    .positive()
    .max(0.5)
    .default(0.0004)
    .describe(
      "α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds.",
    ),
  prior: z
    .strictObject({
      alpha: priorUnits.describe("As if this many units had acted before."),
      beta: priorUnits.describe("As if this many units had not acted before."),
    })
    .optional()
    .describe(
      "Beta prior of the activation rate from history. With it a Beta mixture replaces the grid of guesses.",
    ),
  latency: z
    .strictObject({
      of: z
        .enum(["all", "documents"])
        .default("all")
        .describe("`documents`: pages only. `all`: pages and the calls of their scripts."),
    })
    .default({ of: "all" })
    .describe("The requests whose latency is judged. Assets never are."),
  errorRateThreshold: rate
    .optional()
    .describe(
      "Share of requests that may fail. Beside a holdout failed and unfinished requests are compared with it in any case. The error rate shares latency's part of the false-rollback rate.",
    ),
  compare: z
    .strictObject({
      activation: against("activation"),
      retention: against("retention"),
      latency: against("latency"),
      errorRate: against("the error rate"),
    })
    .partial()
    .default({})
    .describe(
      "What each signal is tested against. Where it is not named and there is a holdout: `both`, and the error rate `holdout`. Without a holdout: `threshold`.",
    ),
  onFailure: z
    .enum(["rollback", "throttle"])
    .default("rollback")
    .describe("`throttle` goes back one stage of the ramp first. At the first stage it closes the feature."),
  onDeadline: z
    .enum(["extend", "rollback"])
    .default("extend")
    .describe("What happens to a feature that is undecided at the deadline."),
  ramp: Ramp.optional().describe("Stages by which the rollout rises by itself in `enforce` mode."),
});
export type Rule = z.infer<typeof Rule>;
