// The rule of a feature: what it has to achieve.
import { Hono } from "hono";
import { z } from "zod";
import type { FeatureId } from "../../shared/ids.ts";
import { Rule } from "../../shared/features/rule.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { problem } from "../runtime/problem.ts";
import { changeProblem } from "./change-problem.ts";
import { findFeature } from "./feature-answers.ts";
import { ACTOR, etagOf, readBody, readPrecondition, readReason } from "./read-request.ts";

/** The rule of this one feature, which the document need not name again. */
const ruleBodyFor = (featureId: FeatureId) =>
  z.preprocess(
    (json) =>
      typeof json === "object" && json !== null && !("featureId" in json) ? { featureId, ...json } : json,
    Rule.refine((rule) => rule.featureId === featureId, {
      path: ["featureId"],
      message: `must be ${featureId}, as in the path`,
    }),
  );

export const makeRuleRoutes = (options: {
  features: Pick<FeatureReads, "getFeature" | "getRule">;
  changes: Pick<FeatureChanges, "putRule">;
  evaluation: Pick<EvaluationReads, "ruleWarnings">;
}): Hono => {
  const { features, changes, evaluation } = options;
  const app = new Hono();

  app.get("/features/:featureId/rule", async (context) => {
    const record = await findFeature(context, features);
    if (!record.ok) return record.error;
    const stored = await features.getRule(record.value.state.featureId);
    if (stored === null)
      return problem(context, { status: 404, title: "Not Found", detail: "the feature has no rule yet" });
    context.header("etag", etagOf(record.value.state.version));
    return context.json(stored.rule);
  });

  app.put("/features/:featureId/rule", async (context) => {
    const record = await findFeature(context, features);
    if (!record.ok) return record.error;
    const { featureId, version } = record.value.state;
    // A first rule overwrites nothing, so it needs no precondition.
    const precondition = readPrecondition(context, { version, required: record.value.ruleVersion !== null });
    if (!precondition.ok) return precondition.error;
    const body = await readBody(context, ruleBodyFor(featureId));
    if (!body.ok) return body.error;
    const reason = readReason(context, "rule set");
    if (!reason.ok) return reason.error;
    const by = { actor: ACTOR, reason: reason.value };
    const changed = await changes.putRule({ featureId, ...precondition.value }, body.value, by);
    if (!changed.ok) return changeProblem(context, changed.error);
    context.header("etag", etagOf(changed.value.version));
    const warnings = await evaluation.ruleWarnings(featureId);
    return context.json(
      warnings.length === 0 ? body.value : { ...body.value, warnings },
      record.value.ruleVersion === null ? 201 : 200,
    );
  });

  return app;
};
