// A decision as pmf_evaluations keeps it, also one of an earlier version. Parsed here, at the door.
import { z } from "zod";

const Signal = z.enum(["activation", "retention", "latency", "errorRate"]);
const Against = z.enum(["threshold", "holdout", "both"]);
const Tally = z.object({ n: z.number(), s: z.number() });
// JSON has no infinity: evidence that refutes outright is stored as null.
const log = z
  .number()
  .nullable()
  .transform((value) => value ?? -Infinity);
const Evidence = z.object({ logEvidence: log, logBar: log });
const Interval = z.object({ lower: z.number(), upper: z.number() });

const Test = z.object({
  signal: Signal,
  against: Against,
  ageSeconds: z.number().nullable(),
  threshold: z.number(),
  treatment: Tally,
  holdout: Tally.nullable(),
  immature: z.number().nullable(),
  // Evaluations of earlier versions lack it.
  leftOut: z.number().nullable().default(0),
  rate: z.number().nullable(),
  logEvidence: log,
  logBar: log,
  comparison: Evidence.nullable(),
  onlyTreatment: Evidence.nullable(),
  alarm: Evidence.extend({
    comparison: Evidence.nullable(),
    treatment: Tally,
    holdout: Tally.nullable(),
  }).nullable(),
  counts: z.boolean(),
});

const Explained = z.object({
  signal: Signal,
  ageSeconds: z.number().nullable(),
  interval: Interval.nullable(),
  lift: Interval.nullable(),
  posterior: z.number().nullable(),
  unitsToRollback: z.number().nullable(),
  unitsToKeep: z.number().nullable(),
});

export const StoredDecision = z.object({
  action: z.enum(["KEEP", "ROLLBACK", "WAIT"]),
  state: z.enum(["COLLECTING", "TESTING", "UNDECIDED", "KEEP", "WATCH", "ROLLBACK", "INVALID"]),
  reason: z.string(),
  evidence: z.object({
    tests: z.array(Test),
    keep: z.array(Evidence.extend({ signal: Signal, counts: z.boolean() })),
    sampleRatio: Evidence.nullable(),
  }),
  // Evaluations of earlier versions lack it.
  explained: z.array(Explained).default([]),
});
export type StoredDecision = z.infer<typeof StoredDecision>;
