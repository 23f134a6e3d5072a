// What a feature has to achieve. Field names and bounds of the first six are the Cohort-Atomic Rollback pattern's.
import { z } from "zod";
import { Bps, FeatureId } from "../ids.ts";

const rate = z.number().min(0).max(1);
const seconds = z.number().int().positive();

const Ramp = z.strictObject({
  /** Rollout of each stage in bps, strictly rising. */
  stagesBps: z
    .array(Bps.min(1))
    .min(1)
    .refine(
      (stages) => stages.every((bps, i) => i === 0 || bps > (stages[i - 1] ?? 0)),
      "must rise from stage to stage",
    ),
  minStageSeconds: seconds,
});

const comparison = z.enum(["threshold", "holdout"]);

export const Rule = z.strictObject({
  featureId: FeatureId,
  /** Share of exposed units that act within `activationWindowSeconds`. */
  activationThreshold: rate,
  /** Share of exposed units that come back within `retentionWindowSeconds`. */
  retentionThreshold: rate,
  /** ms; at most 5 % of the requests may take longer. */
  latencyP95Threshold: z.number().positive(),
  /** Mature treatment units before anything is decided. */
  minCohortSize: z.number().int().positive(),
  /** Deadline for a decision, counted from the beginning of the epoch. */
  evaluationWindowSeconds: seconds,

  mode: z.enum(["shadow", "enforce"]).default("shadow"),
  activationWindowSeconds: seconds.default(86_400),
  retentionWindowSeconds: seconds.default(604_800),
  /** A return is a visit at least this long after the first exposure. */
  returnAfterSeconds: seconds.default(86_400),
  /** α: the chance, over the feature's whole life, of rolling back a feature that meets its thresholds. */
  falseRollbackRate: z.number().positive().max(0.5).default(0.0004),
  /** Beta prior of the activation rate from history; with it the Beta mixture replaces the grid. */
  prior: z.strictObject({ alpha: z.number().positive(), beta: z.number().positive() }).optional(),
  /** Share of requests that may fail; a guard that takes its error budget from latency's. */
  errorRateThreshold: rate.optional(),
  /** What each signal is held against; a signal that is not named is held against its threshold. */
  compare: z
    .strictObject({
      activation: comparison,
      retention: comparison,
      latency: comparison,
      errorRate: comparison,
    })
    .partial()
    .default({}),
  onFailure: z.enum(["rollback", "throttle"]).default("rollback"),
  onDeadline: z.enum(["extend", "rollback"]).default("extend"),
  ramp: Ramp.optional(),
});
export type Rule = z.infer<typeof Rule>;
