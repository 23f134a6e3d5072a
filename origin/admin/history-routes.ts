// History: the evaluations and signals of a feature, and the audit of every change.
import { z } from "@hono/zod-openapi";
import { FeatureId } from "../../shared/ids.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { wholeInQuery } from "./documents/common.ts";
import { EvaluationsDocument, LatencyDocument, SignalsDocument } from "./documents/evaluation.ts";
import { FeatureParams } from "./documents/feature.ts";
import { AuditDocument, AuditVerdictDocument, CAUSE_TEXT, ROLLBACK_CAUSES } from "./documents/history.ts";
import { findFeature } from "./feature-answers.ts";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";

const row = wholeInQuery(1, Number.MAX_SAFE_INTEGER).optional();
const paging = {
  limit: wholeInQuery(1, 500).default(50),
  before: row.openapi({ description: "The `next` of the page before." }),
};
const EvaluationQuery = z.object(paging);
const ChangeKindQuery = z.enum([
  "create",
  "update",
  "delete",
  "rule",
  "rollout",
  "enable",
  "rollback",
  "segment",
  "hook",
  "target",
  "policy",
  "token",
  "forget",
]);
const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const timeText = { type: "string", format: "date-time" } as const;
const AuditQuery = z.object({
  ...paging,
  featureId: FeatureId.optional().openapi({
    description:
      "Of a segment: `segment:` and its id; so of a `hook:`, a `target:`, a `policy:` and a `token:`.",
  }),
  action: ChangeKindQuery.optional().openapi({ description: "Only changes of this kind." }),
  revision: row.openapi({ description: "Only what was changed in this revision." }),
  cause: z
    .enum(ROLLBACK_CAUSES)
    .optional()
    .openapi({ description: `Only rollbacks of this cause. ${CAUSE_TEXT}` }),
  actor: z.string().min(1).max(200).optional().openapi({ description: "Only what this actor did." }),
  since: time.optional().openapi({ ...timeText, description: "Only changes from then on." }),
  until: time.optional().openapi({ ...timeText, description: "Only changes before then." }),
});
const AuditRange = z.object({ from: row, to: row });

/** For a first try with curl, which otherwise looks as if nothing worked. */
const onlyBotsNote = (botRequests: number): string =>
  `Nobody is counted yet: only bots met the feature (requests: ${botRequests}), and bots are not counted. ` +
  "curl is a bot; visit with a browser.";

type Anomaly = Awaited<ReturnType<EvaluationReads["readAnomalies"]>>[number];

const anomalyDocument = ({ hourS, kind, units, seenAgain, largestNetwork, usual }: Anomaly) => ({
  from: new Date(hourS * 1_000).toISOString(),
  kind,
  units,
  seenAgain,
  largestNetwork,
  usual,
});

export const addHistoryRoutes = (
  api: AdminApp,
  options: {
    features: Pick<FeatureReads, "getFeature" | "getRule" | "listAudit" | "verifyAudit">;
    evaluation: EvaluationReads;
  },
): void => {
  const { features, evaluation } = options;

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/evaluations",
      operationId: "listEvaluations",
      tag: "Evaluations",
      summary: "List a feature's evaluations, the newest first",
      description: "An evaluation is stored when it says something new.",
      scope: "viewer",
      params: FeatureParams,
      query: EvaluationQuery,
      answers: { 200: { description: "A page of evaluations.", schema: EvaluationsDocument } },
    },
    async (request) => {
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId } = record.value.state;
      return request.context.json(await evaluation.listEvaluations(featureId, request.query));
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/signals",
      operationId: "getSignals",
      tag: "Evaluations",
      summary: "What is counted of a feature, and its newest evaluation",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: { description: "The present trial.", schema: SignalsDocument } },
    },
    async (request) => {
      const { context } = request;
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId, epoch } = record.value.state;
      const [exposed, botRequests, notCounted, setAside, ruleWarnings, found, checkedAt, latest] =
        await Promise.all([
          evaluation.readExposed(featureId, epoch),
          evaluation.countBotRequests(featureId, epoch),
          evaluation.readNotCounted(featureId, epoch),
          evaluation.readSetAside(featureId, epoch),
          evaluation.ruleWarnings(featureId),
          evaluation.readAnomalies(featureId, epoch),
          evaluation.lastLookAt(featureId),
          evaluation.newestEvaluation(featureId),
        ]);
      const anomalies = found.map(anomalyDocument);
      const onlyBots = exposed.treatment + exposed.holdout === 0 && botRequests > 0;
      return context.json({
        featureId,
        epoch,
        cohorts: { treatment: { exposed: exposed.treatment }, holdout: { exposed: exposed.holdout } },
        botRequests,
        notCounted,
        ...(setAside === null ? {} : { setAside }),
        ...(ruleWarnings.length === 0 ? {} : { ruleWarnings }),
        ...(anomalies.length === 0 ? {} : { anomalies }),
        ...(onlyBots ? { note: onlyBotsNote(botRequests) } : {}),
        // Rows are stored when something has changed; `checkedAt` is the last look, with or without one.
        checkedAt,
        latest,
      });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/latency",
      operationId: "getLatency",
      tag: "Evaluations",
      summary: "How long the requests of the present trial take, as a distribution",
      scope: "viewer",
      params: FeatureParams,
      answers: { 200: { description: "Treatment and holdout.", schema: LatencyDocument } },
    },
    async (request) => {
      const { context } = request;
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId, epoch } = record.value.state;
      const thresholdMs = (await features.getRule(featureId))?.rule.latencyP95Threshold ?? null;
      const latency = await evaluation.readLatency(featureId, epoch, thresholdMs);
      return context.json({ featureId, epoch, thresholdMs, ...latency });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/audit",
      operationId: "listAudit",
      tag: "Audit",
      summary: "List changes, the newest first",
      scope: "viewer",
      query: AuditQuery,
      answers: { 200: { description: "A page of the audit.", schema: AuditDocument } },
    },
    async ({ context, query: { action, ...query } }) => {
      const page = await features.listAudit({ ...query, kind: action });
      return context.json({ entries: page.items, next: page.next });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/audit/verify",
      operationId: "verifyAudit",
      tag: "Audit",
      summary: "Check that the audit is whole",
      description:
        "Only a check from the first entry to the last shows that nothing was cut off at either end.",
      scope: "viewer",
      query: AuditRange,
      answers: {
        200: { description: "Whether it is, and the first broken entry.", schema: AuditVerdictDocument },
      },
    },
    async ({ context, query }) => context.json(await features.verifyAudit(query)),
  );
};
