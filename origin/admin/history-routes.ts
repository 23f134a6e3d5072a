// History: the evaluations and signals of a feature, and the audit of every change.
import { Hono } from "hono";
import { z } from "zod";
import { FeatureId } from "../../shared/ids.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { findFeature } from "./feature-answers.ts";
import { readQuery } from "./read-request.ts";

const limit = z.coerce.number().int().min(1).max(500).default(50);
const before = z.coerce.number().int().positive().optional();
const row = z.coerce.number().int().positive().optional();
const EvaluationQuery = z.object({ limit, before });
const AuditQuery = z.object({ limit, before, featureId: FeatureId.optional() });
const AuditRange = z.object({ from: row, to: row });

/** For a first try with curl, which otherwise looks as if nothing worked. */
const onlyBotsNote = (botRequests: number): string =>
  `Nobody is counted yet: only bots met the feature (requests: ${botRequests}), and bots are not counted. ` +
  "curl is a bot; visit with a browser.";

export const makeHistoryRoutes = (options: {
  features: Pick<FeatureReads, "getFeature" | "listAudit" | "verifyAudit">;
  evaluation: EvaluationReads;
}): Hono => {
  const { features, evaluation } = options;
  const app = new Hono();

  app.get("/features/:featureId/evaluations", async (context) => {
    const query = readQuery(context, EvaluationQuery);
    if (!query.ok) return query.error;
    const record = await findFeature(context, features);
    if (!record.ok) return record.error;
    return context.json(await evaluation.listEvaluations(record.value.state.featureId, query.value));
  });

  app.get("/features/:featureId/signals", async (context) => {
    const record = await findFeature(context, features);
    if (!record.ok) return record.error;
    const { featureId, epoch } = record.value.state;
    const exposed = await evaluation.countExposed(featureId, epoch);
    const botRequests = await evaluation.countBotRequests(featureId, epoch);
    const setAside = await evaluation.readSetAside(featureId, epoch);
    const ruleWarnings = await evaluation.ruleWarnings(featureId);
    const onlyBots = exposed.treatment + exposed.holdout === 0 && botRequests > 0;
    return context.json({
      featureId,
      epoch,
      cohorts: { treatment: { exposed: exposed.treatment }, holdout: { exposed: exposed.holdout } },
      botRequests,
      notCounted: await evaluation.readNotCounted(featureId, epoch),
      ...(setAside === null ? {} : { setAside }),
      ...(ruleWarnings.length === 0 ? {} : { ruleWarnings }),
      ...(onlyBots ? { note: onlyBotsNote(botRequests) } : {}),
      // Rows are stored when something has changed; `checkedAt` is the last look, with or without one.
      checkedAt: await evaluation.lastLookAt(featureId),
      latest: await evaluation.newestEvaluation(featureId),
    });
  });

  app.get("/audit", async (context) => {
    const query = readQuery(context, AuditQuery);
    if (!query.ok) return query.error;
    const page = await features.listAudit(query.value);
    return context.json({ entries: page.items, next: page.next });
  });

  app.get("/audit/verify", async (context) => {
    const range = readQuery(context, AuditRange);
    return range.ok ? context.json(await features.verifyAudit(range.value)) : range.error;
  });

  return app;
};
