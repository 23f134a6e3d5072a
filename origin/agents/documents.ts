// What tools answer: parts of the API's documents. Fields that a schema does not name are left away.
import { z } from "zod";

const Verdict = z.object({ state: z.string(), action: z.string(), mode: z.string(), sentence: z.string() });

export const ListedFeature = z.object({
  featureId: z.string(),
  enabled: z.boolean(),
  rolloutBps: z.number(),
  holdoutBps: z.number(),
  tags: z.array(z.string()),
  rolledBackAt: z.string().nullable(),
  rollbackReason: z.string().nullable(),
  verdict: Verdict.nullable(),
});
export const FeaturePage = z.object({ features: z.array(ListedFeature), next: z.string().nullable() });

/** A tree of conditions, gates and routes: as the API has them. */
const Part = z.record(z.string(), z.unknown());

export const Feature = z.object({
  featureId: z.string(),
  version: z.number().describe("Changes name it, so that they are refused after a change by somebody else."),
  enabled: z.boolean(),
  rolloutBps: z.number(),
  holdoutBps: z.number(),
  epoch: z.number(),
  unit: z.string(),
  failureMode: z.string(),
  private: z.boolean().optional(),
  targeting: Part.nullable(),
  routes: z.array(Part),
  gate: Part.nullable(),
  activation: Part.nullable(),
  tags: z.array(z.string()),
  requires: z.array(z.string()),
  owner: z.string().nullish(),
  description: z.string().nullish(),
  link: z.string().nullish(),
  removeAfter: z.string().nullish(),
  revision: z.number(),
  rolledBackAt: z.string().nullable(),
  rollbackReason: z.string().nullable(),
  rolloutBeforeBps: z.number().nullable(),
  updatedAt: z.string(),
});

const Interval = z.object({ lower: z.number(), upper: z.number() });
const Tally = z.object({ n: z.number(), s: z.number() });
const Expected = z.object({
  signal: z.string(),
  more: z.number(),
  of: z.string(),
  seconds: z.number().nullable(),
});
const Path = z.object({ sentence: z.string(), expected: Expected.nullable() });
const Cohort = z.object({ exposed: z.number(), perDay: z.number() });

export const Why = z.object({
  featureId: z.string(),
  version: z.number(),
  enabled: z.boolean(),
  rolloutBps: z.number(),
  holdoutBps: z.number(),
  mode: z.string().nullable().describe("shadow: decisions are recorded and not carried out. null: no rule."),
  rolledBackAt: z.string().nullable(),
  rollbackReason: z.string().nullable(),
  summary: z.string(),
  verdict: Verdict.extend({ at: z.string() }).nullable(),
  checkedAt: z.string().nullable(),
  signals: z.array(
    z.object({
      signal: z.string(),
      against: z.string(),
      threshold: z.number(),
      rate: z.number().nullable(),
      interval: Interval.nullable(),
      lift: Interval.nullable(),
      treatment: Tally,
      holdout: Tally.nullable(),
      immature: z.number().nullable(),
      counts: z.boolean().describe("Whether there are enough units for it to decide."),
      rollback: z.object({ evidence: z.string(), needed: z.string(), progress: z.number() }),
      keep: z.object({ evidence: z.string(), needed: z.string() }).nullable(),
    }),
  ),
  rollback: Path.describe("What has to happen for a rollback, and when it is to be expected."),
  keep: Path.describe("What has to happen for the feature to be kept, and when it is to be expected."),
  cohorts: z.object({ treatment: Cohort, holdout: Cohort }),
  newestExposureAt: z.string().nullable(),
  missing: z.array(z.string()),
  warnings: z.array(z.string()),
});

export const AuditEntry = z.object({
  seq: z.number(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  featureId: z.string(),
  reason: z.string(),
  version: z.number(),
  revision: z.number(),
});
export const AuditPage = z.object({ entries: z.array(AuditEntry), next: z.number().nullable() });

export const Evaluation = z.object({
  at: z.string(),
  mode: z.string(),
  state: z.string(),
  action: z.string(),
  reason: z.string(),
});
/** As the API has them, where the sentence stands in the decision. */
export const EvaluationPage = z.object({
  evaluations: z.array(
    z
      .object({
        at: z.string(),
        mode: z.string(),
        state: z.string(),
        action: z.string(),
        decision: z.object({ reason: z.string() }),
      })
      .transform(({ decision, ...rest }) => ({ ...rest, reason: decision.reason })),
  ),
});

export const Edges = z.object({
  revision: z.number(),
  edges: z.array(
    z.object({
      url: z.string(),
      revision: z.number().nullable(),
      completeRevision: z.number(),
      confirmedAt: z.string().nullable(),
      failingSince: z.string().nullable(),
      attempts: z.number(),
      lastError: z.string().nullable(),
    }),
  ),
  telemetry: z.array(z.object({ region: z.string(), seenAt: z.string(), droppedSpans: z.number() })),
});

const DecisionForecast = z.object({
  ratio: z.number().describe("The true rate as a part of the threshold."),
  rate: z.number(),
  users: z.number().nullable(),
  seconds: z.number().nullable(),
  withinDeadline: z.boolean(),
});
export const Forecast = z.object({
  signals: z.array(
    z.object({
      signal: z.string(),
      against: z.string(),
      threshold: z.number(),
      windowSeconds: z.number(),
      rollback: z.array(DecisionForecast),
      keep: z.array(DecisionForecast),
      smallestDetectable: z.number().nullable(),
    }),
  ),
  errorBudget: z.object({ launches: z.number(), alpha: z.number() }),
});

export const Calibration = z.object({
  featureId: z.string(),
  mode: z.string(),
  signals: z.array(
    z.object({
      signal: z.string(),
      against: z.string(),
      seen: Tally,
      isConclusive: z.boolean(),
      current: Part,
      replays: z.array(Part),
      strictestQuiet: z.number().nullable().describe("The strictest threshold that would have been quiet."),
    }),
  ),
});

export const AuditVerdict = z.object({
  ok: z.boolean(),
  rows: z.number().optional(),
  hash: z.string().optional(),
  seq: z.number().optional().describe("The first broken entry."),
  fault: z.string().optional(),
});

export const EvaluationFor = z.object({
  featureId: z.string(),
  unit: z.string().nullable().describe("Who is assigned; null: the request has no unit."),
  state: z.string(),
  cohort: z.string(),
  open: z.boolean().describe("Whether the unit gets the feature."),
  bucket: z.number().nullable(),
  why: z.string(),
  reason: z.string(),
  targeting: z.unknown().describe("Each condition with what the request has of it."),
});

export const Health = z.object({
  status: z.string().describe("The worst of all findings."),
  findings: z.array(
    z.object({
      check: z.string(),
      status: z.string(),
      subject: z.string().optional(),
      summary: z.string(),
      todo: z.string().optional().describe("What to do."),
    }),
  ),
});

export const Approval = z.object({
  approvalId: z.string(),
  state: z.string(),
  featureIds: z.array(z.string()),
  reason: z.string(),
  askedBy: z.string(),
  askedAt: z.string(),
  expiresAt: z.string(),
  diff: z.array(
    z.object({ featureId: z.string().nullable(), field: z.string(), from: z.unknown(), to: z.unknown() }),
  ),
});
export const ApprovalPage = z.object({ approvals: z.array(Approval) });

export const SchedulePage = z.object({
  schedules: z.array(
    z.object({
      scheduleId: z.string(),
      featureId: z.string(),
      change: Part,
      at: z.string(),
      localTime: z.string(),
      zone: z.string(),
      state: z.string(),
      note: z.string().nullable(),
      reason: z.string(),
      madeBy: z.string(),
    }),
  ),
});
