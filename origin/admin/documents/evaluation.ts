// What the admin API says of evaluations: signals, decisions, forecasts and calibrations.
import { z } from "@hono/zod-openapi";
import { Rule } from "../../../shared/features/rule.ts";
import { Cursor, Time } from "./common.ts";

export const Signal = z.enum(["activation", "retention", "latency", "errorRate"]);
export const Against = z.enum(["threshold", "holdout", "both"]);
export const Tally = z
  .object({ n: z.number(), s: z.number() })
  .openapi({ description: "Of `n` units or requests, `s` succeeded (of latency and errors: were bad)." });
const evidence = {
  logEvidence: z.number().nullable().openapi({ description: "Natural logarithm of the evidence." }),
  logBar: z
    .number()
    .nullable()
    .openapi({ description: "Natural logarithm of the bar that it has to reach." }),
};
const Evidence = z.object(evidence);

const TestDocument = z.object({
  signal: Signal,
  against: Against,
  ageSeconds: z
    .number()
    .nullable()
    .openapi({ description: "Age at which outcomes count; null of requests." }),
  threshold: z.number(),
  treatment: Tally,
  holdout: Tally.nullable(),
  immature: z.number().nullable().openapi({ description: "Exposed units that are not that old yet." }),
  leftOut: z.number().nullable().optional().openapi({
    description:
      "Exposed units that never count: rollout or holdout was lowered before they were that old. Not in evaluations of earlier versions.",
  }),
  rate: z.number().nullable(),
  ...evidence,
  comparison: Evidence.nullable(),
  onlyTreatment: Evidence.nullable(),
  alarm: z
    .object({ ...evidence, comparison: Evidence.nullable(), treatment: Tally, holdout: Tally.nullable() })
    .nullable()
    .openapi({ description: "Since the feature was kept: the detector of a later fall." }),
  counts: z.boolean().openapi({ description: "Whether there are enough units for it to decide." }),
});

const Interval = z.object({ lower: z.number(), upper: z.number() }).nullable();
const Explained = z.object({
  signal: Signal,
  ageSeconds: z.number().nullable(),
  interval: Interval.openapi({ description: "Of the rate, at 95 % at any moment." }),
  lift: Interval.openapi({ description: "Relative difference to the holdout." }),
});

export const DecisionDocument = z
  .object({
    action: z.enum(["KEEP", "ROLLBACK", "WAIT"]),
    state: z.enum(["COLLECTING", "TESTING", "UNDECIDED", "KEEP", "WATCH", "ROLLBACK", "INVALID"]),
    isValid: z.boolean().openapi({ description: "Proven to meet every threshold." }),
    score: z.number().nullable().openapi({ description: "Reported, and not decided on." }),
    details: z.object({
      activation: z.number().nullable(),
      retention: z.number().nullable(),
      p95_latency: z.number().nullable().openapi({ description: "Milliseconds." }),
      error_rate: z.number().nullable(),
      exposed: z.object({ treatment: z.number(), holdout: z.number() }),
    }),
    evidence: z.object({
      tests: z.array(TestDocument),
      keep: z.array(z.object({ signal: Signal, ...evidence, counts: z.boolean() })),
      sampleRatio: Evidence.nullable(),
    }),
    explained: z
      .array(Explained)
      .optional()
      .openapi({ description: "In the order of `evidence.tests`. Not in evaluations of earlier versions." }),
    cause: z.array(Signal).openapi({ description: "The signals that rolled the feature back." }),
    heldBack: z
      .enum(["KEEP", "ROLLBACK"])
      .optional()
      .openapi({ description: "Would be decided, but not without the units of unusual hours." }),
    reason: z.string(),
    epoch: z.number().int(),
    ruleVersion: z.number().int(),
  })
  .openapi("Decision");

const EvaluationDocument = z
  .object({
    id: z.number().int(),
    at: Time,
    epoch: z.number().int(),
    ruleVersion: z.number().int(),
    mode: z.enum(["shadow", "enforce"]),
    action: z.string(),
    state: z.string(),
    decision: DecisionDocument,
  })
  .openapi("Evaluation");

export const EvaluationsDocument = z.object({
  evaluations: z.array(EvaluationDocument),
  next: Cursor.nullable(),
});

export const SignalsDocument = z
  .object({
    featureId: z.string(),
    epoch: z.number().int(),
    cohorts: z.object({
      treatment: z.object({ exposed: z.number() }),
      holdout: z.object({ exposed: z.number() }),
    }),
    botRequests: z.number(),
    notCounted: z
      .record(z.string(), z.number())
      .openapi({ description: "Spans that were taken and are not counted, by reason." }),
    setAside: z
      .object({ spans: z.number(), since: Time, reason: z.string() })
      .optional()
      .openapi({ description: "What waits because it cannot be counted." }),
    ruleWarnings: z.array(z.string()).optional(),
    anomalies: z
      .array(
        z.object({
          from: Time,
          kind: z.enum(["crowd", "seen-once", "one-network"]),
          units: z.number(),
          seenAgain: z.number(),
          largestNetwork: z.number(),
          usual: z.number(),
        }),
      )
      .optional()
      .openapi({
        description:
          "Hours of the trial in which units came in another way than usual: ten times as many (crowd), units that send nothing again (seen-once), many of one network (one-network). `usual` is the number of units, or the share of those seen again or of the largest network.",
      }),
    note: z.string().optional(),
    checkedAt: Time.nullable().openapi({ description: "The last look, with or without a change." }),
    latest: z.union([EvaluationDocument, z.null()]),
  })
  .openapi("Signals");

const LatencyOfCohort = z.object({
  requests: z.number(),
  above: z.number().nullable().openapi({ description: "Requests that took longer than the threshold." }),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
});

export const LatencyDocument = z
  .object({
    featureId: z.string(),
    epoch: z.number().int(),
    thresholdMs: z.number().nullable().openapi({ description: "null: it has no rule." }),
    treatment: z.union([LatencyOfCohort, z.null()]).openapi({ description: "null: it has no trial yet." }),
    holdout: z.union([LatencyOfCohort, z.null()]),
    buckets: z
      .array(z.object({ fromMs: z.number(), toMs: z.number(), treatment: z.number(), holdout: z.number() }))
      .openapi({ description: "Requests by duration, four buckets for each doubling, without a gap." }),
  })
  .openapi("Latency");

export const AlphaSpentDocument = z
  .object({
    launches: z.number().int().openapi({ description: "Trials that began to be judged in enforce mode." }),
    alpha: z
      .number()
      .openapi({ description: "At most so many good features are expected to be rolled back." }),
  })
  .openapi("ErrorBudget", { description: "Of the last 30 days." });

const DecisionForecast = z.object({
  ratio: z.number().openapi({ description: "The true rate as a part of the threshold." }),
  rate: z.number(),
  users: z.number().nullable(),
  seconds: z.number().nullable(),
  withinDeadline: z.boolean(),
});

export const ForecastDocument = z
  .object({
    signals: z.array(
      z.object({
        signal: Signal,
        against: Against,
        threshold: z.number(),
        windowSeconds: z.number(),
        bar: z.number(),
        rollback: z.array(DecisionForecast),
        keep: z.array(DecisionForecast),
        smallestDetectable: z.number().nullable(),
      }),
    ),
    errorBudget: AlphaSpentDocument,
  })
  .openapi("Forecast");

const Replay = z.looseObject({ threshold: z.number() });

export const CalibrationDocument = z
  .object({
    featureId: z.string(),
    epoch: z.number().int(),
    ruleVersion: z.number().int(),
    mode: z.enum(["shadow", "enforce"]),
    signals: z.array(
      z.object({
        signal: Signal,
        against: Against,
        seen: Tally,
        isConclusive: z.boolean(),
        current: Replay,
        replays: z.array(Replay),
        strictestQuiet: z.number().nullable(),
      }),
    ),
  })
  .openapi("Calibration");

export const RuleDocument = Rule.extend({
  warnings: z
    .array(z.string())
    .optional()
    .openapi({ description: "What the rule cannot do at today's traffic." }),
}).openapi("Rule");
