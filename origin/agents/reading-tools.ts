// Tools for the questions that people ask: what is there, why is it so, what happened, what would a rule see.
import { z } from "zod";
import { Rule } from "../../shared/features/rule.ts";
import { FeatureId, UnitId } from "../../shared/ids.ts";
import { ok } from "../../shared/result.ts";
import { askFor, featurePath, queryOf } from "./ask.ts";
import {
  ApprovalPage,
  AuditPage,
  AuditVerdict,
  Calibration,
  Edges,
  EvaluationFor,
  Evaluation,
  EvaluationPage,
  AuditEntry,
  Feature,
  FeaturePage,
  Forecast,
  Health,
  ListedFeature,
  SchedulePage,
  Why,
} from "./documents.ts";
import { readingTool, type Tool } from "./tool.ts";

const featureId = FeatureId.describe("The feature's id.");
const limit = z.number().int().min(1).max(50).default(20);
const OneFeature = z.strictObject({ featureId });

const stateOf = ({ enabled, rolledBackAt }: { enabled: boolean; rolledBackAt: string | null }): string => {
  if (rolledBackAt !== null) return "rolled back";
  return enabled ? "open" : "closed";
};

const listFeatures = readingTool({
  name: "list_features",
  title: "List features",
  description:
    "Features by their ids, each with rollout, tags, whether it is open, and the newest verdict about it. Shares are in basis points: 2500 is 25 %. `next` is `after` of the next page.",
  input: z.strictObject({
    tag: z.string().min(1).max(64).optional().describe("Only features with this tag."),
    after: z.string().max(128).optional(),
    limit,
  }),
  output: z.object({
    features: z.array(ListedFeature.extend({ state: z.string() })),
    next: z.string().nullable(),
  }),
  answer: async (ask, input) => {
    const page = await askFor(ask, { path: `/features${queryOf(input)}` }, FeaturePage);
    if (!page.ok) return page;
    const features = page.value.features.map((feature) => ({ ...feature, state: stateOf(feature) }));
    const lines = features.map(
      (feature) => `${feature.featureId}: ${feature.state}, ${feature.rolloutBps} bps`,
    );
    const text = features.length === 0 ? "There are no such features." : lines.join("\n");
    const more = page.value.next === null ? "" : "\nThere are more.";
    return ok({ text: `${text}${more}`, data: { features, next: page.value.next } });
  },
});

const getFeature = readingTool({
  name: "get_feature",
  title: "Read a feature",
  description: "How a feature is set up: rollout, holdout, targeting, routes, gate, tags, what it requires.",
  input: OneFeature,
  output: Feature,
  answer: async (ask, input) => {
    const feature = await askFor(ask, { path: featurePath(input.featureId) }, Feature);
    return feature.ok
      ? ok({
          text: `${input.featureId} is ${stateOf(feature.value)} for ${feature.value.rolloutBps} of 10000 bps.`,
          data: feature.value,
        })
      : feature;
  },
});

const explainFeature = readingTool({
  name: "explain_feature",
  title: "Why a feature is as it is",
  description:
    "Why a feature was rolled back, is kept or still waits: each signal with its counts and evidence against the bar, what is missing, when a decision is to be expected, and warnings.",
  input: OneFeature,
  output: Why,
  answer: async (ask, input) => {
    const why = await askFor(ask, { path: featurePath(input.featureId, "/why") }, Why);
    if (!why.ok) return why;
    const { verdict, warnings, missing } = why.value;
    const judged = verdict === null ? "not judged yet" : `judged ${verdict.state}`;
    const notes = `${warnings.length} warnings, ${missing.length} things missing`;
    return ok({
      text: `${input.featureId} is ${stateOf(why.value)} and ${judged}; ${notes}.`,
      data: why.value,
    });
  },
});

const featureHistory = readingTool({
  name: "feature_history",
  title: "History of a feature",
  description: "Who changed a feature, when and why, and what Sluice found out meanwhile; the newest first.",
  input: OneFeature.extend({
    limit,
    before: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe("`nextChange` of the page before, for older changes."),
  }),
  output: z.object({
    changes: z.array(AuditEntry),
    nextChange: z.number().nullable(),
    evaluations: z.array(Evaluation),
  }),
  answer: async (ask, input) => {
    const changes = await askFor(ask, { path: `/audit${queryOf(input)}` }, AuditPage);
    if (!changes.ok) return changes;
    const path = featurePath(input.featureId, `/evaluations${queryOf({ limit: input.limit })}`);
    const evaluations = await askFor(ask, { path }, EvaluationPage);
    if (!evaluations.ok) return evaluations;
    const { entries, next } = changes.value;
    const counted = `${entries.length} changes and ${evaluations.value.evaluations.length} evaluations`;
    return ok({
      text: `${counted} of ${input.featureId}.`,
      data: { changes: entries, nextChange: next, evaluations: evaluations.value.evaluations },
    });
  },
});

const recentRollbacks = readingTool({
  name: "recent_rollbacks",
  title: "Recent rollbacks",
  description:
    "Which features were rolled back, when, by whom and why; the newest first. The actor `sluice` is a decision from evidence.",
  input: z.strictObject({
    limit,
    before: z.number().int().min(1).optional().describe("`next` of the page before."),
  }),
  output: AuditPage,
  answer: async (ask, input) => {
    const path = `/audit${queryOf({ action: "rollback", ...input })}`;
    const page = await askFor(ask, { path }, AuditPage);
    if (!page.ok) return page;
    const lines = page.value.entries.map((entry) => `${entry.at} ${entry.featureId}`);
    return ok({ text: lines.length === 0 ? "There was no rollback." : lines.join("\n"), data: page.value });
  },
});

const listEdges = readingTool({
  name: "list_edges",
  title: "Edges",
  description:
    "How far each edge is with committed changes, which ones cannot be reached, and which regions send telemetry.",
  input: z.strictObject({}),
  output: Edges,
  answer: async (ask) => {
    const edges = await askFor(ask, { path: "/edges" }, Edges);
    if (!edges.ok) return edges;
    const { revision, edges: all } = edges.value;
    const behind = all.filter((edge) => edge.completeRevision < revision).length;
    return ok({
      text: `Revision ${revision}; ${all.length} edges, ${behind} of them behind it.`,
      data: edges.value,
    });
  },
});

const planRule = readingTool({
  name: "plan_rule",
  title: "What a rule can decide, and when",
  description:
    "How many users and how long a rule takes to roll back or keep a feature at a given traffic, for true rates below and above its thresholds, and which difference it cannot see.",
  input: z.strictObject({
    rule: Rule.omit({ featureId: true }).describe("The rule to try; it is not stored."),
    usersPerDay: z.number().positive().max(1e12).describe("New users of treatment a day."),
    holdoutUsersPerDay: z.number().min(0).max(1e12).default(0).describe("New users of the holdout a day."),
  }),
  output: Forecast,
  answer: async (ask, { rule, ...traffic }) => {
    const body = { rule: { featureId: "planned", ...rule }, ...traffic };
    const forecast = await askFor(ask, { method: "POST", path: "/plan-test", body }, Forecast);
    return forecast.ok
      ? ok({ text: `Forecast of ${forecast.value.signals.length} signals.`, data: forecast.value })
      : forecast;
  },
});

const calibrateRule = readingTool({
  name: "calibrate_rule",
  title: "What other thresholds would have done",
  description:
    "Plays what was observed of a feature against other thresholds: which of them would have rolled it back. For choosing a threshold before a rule is enforced.",
  input: OneFeature,
  output: Calibration,
  answer: async (ask, input) => {
    const calibration = await askFor(
      ask,
      { path: featurePath(input.featureId, "/calibration") },
      Calibration,
    );
    if (!calibration.ok) return calibration;
    const { signals } = calibration.value;
    const conclusive = signals.filter(({ isConclusive }) => isConclusive).length;
    const text = `${signals.length} signals of ${input.featureId} replayed; ${conclusive} have enough data to tell.`;
    return ok({ text, data: calibration.value });
  },
});

const verifyAudit = readingTool({
  name: "verify_audit",
  title: "Check the audit",
  description: "Whether the record of all changes is whole: nothing altered, missing or lost.",
  input: z.strictObject({}),
  output: AuditVerdict,
  answer: async (ask) => {
    const verdict = await askFor(ask, { path: "/audit/verify" }, AuditVerdict);
    if (!verdict.ok) return verdict;
    const { ok: isWhole, rows, seq, fault } = verdict.value;
    const text = isWhole
      ? `The audit is whole: ${rows} entries.`
      : `The audit is broken at ${seq}: ${fault}.`;
    return ok({ text, data: verdict.value });
  },
});

const texts = z.record(z.string().min(1).max(128), z.string().max(4_096)).optional();

const evaluateFeature = readingTool({
  name: "evaluate_feature",
  title: "Who gets a feature",
  description:
    "Whether a visitor or user with this request gets a feature, and why: by the evaluator of the edges, with each condition of the targeting. Nothing is counted.",
  input: OneFeature.extend({
    visitor: UnitId.optional().describe("The visitor's id."),
    user: UnitId.optional().describe("The signed-in user."),
    path: z.string().max(2_048).optional().describe("Of the page; without it routes do not count."),
    country: z.string().max(2).optional().describe("Two letters in upper case, as in DE."),
    device: z.enum(["mobile", "tablet", "desktop"]).optional(),
    headers: texts,
    cookies: texts,
    claims: z.record(z.string().min(1).max(128), z.unknown()).optional().describe("Of the site's token."),
  }),
  output: EvaluationFor,
  answer: async (ask, { featureId: id, ...body }) => {
    const request = { method: "POST", path: featurePath(id, "/evaluate"), body } as const;
    const evaluation = await askFor(ask, request, EvaluationFor);
    return evaluation.ok
      ? ok({
          text: `${id} is ${evaluation.value.open ? "on" : "off"} for them, by ${evaluation.value.why}.`,
          data: evaluation.value,
        })
      : evaluation;
  },
});

const checkHealth = readingTool({
  name: "check_health",
  title: "Health of the installation",
  description:
    "Checks database, Redis, edges, telemetry, features, secrets and clocks, and says what is wrong and what to do.",
  input: z.strictObject({}),
  output: Health,
  answer: async (ask) => {
    const health = await askFor(ask, { path: "/health" }, Health);
    if (!health.ok) return health;
    const wrong = health.value.findings.filter(({ status }) => status !== "ok").length;
    return ok({
      text: `Health is ${health.value.status}: ${wrong} findings are not ok.`,
      data: health.value,
    });
  },
});

const listApprovals = readingTool({
  name: "list_approvals",
  title: "Changes that wait for a person",
  description:
    "Changes that wait for the approval of a second person, with what they would do. Only people approve.",
  input: z.strictObject({ limit }),
  output: ApprovalPage,
  answer: async (ask, input) => {
    const page = await askFor(
      ask,
      { path: `/approvals${queryOf({ state: "open", ...input })}` },
      ApprovalPage,
    );
    return page.ok ? ok({ text: `${page.value.approvals.length} changes wait.`, data: page.value }) : page;
  },
});

const listSchedules = readingTool({
  name: "list_schedules",
  title: "Scheduled changes",
  description: "Changes that are planned for a time, and what became of those that are over.",
  input: z.strictObject({ featureId: featureId.optional(), limit }),
  output: SchedulePage,
  answer: async (ask, input) => {
    const page = await askFor(ask, { path: `/schedules${queryOf(input)}` }, SchedulePage);
    return page.ok ? ok({ text: `${page.value.schedules.length} schedules.`, data: page.value }) : page;
  },
});

export const readingTools: readonly Tool[] = [
  listFeatures,
  getFeature,
  explainFeature,
  featureHistory,
  recentRollbacks,
  listEdges,
  planRule,
  calibrateRule,
  verifyAudit,
  evaluateFeature,
  checkHealth,
  listApprovals,
  listSchedules,
];
