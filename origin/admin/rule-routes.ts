// The rule of a feature: what it has to achieve.
import { z } from "@hono/zod-openapi";
import { Rule } from "../../shared/features/rule.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { problem } from "../runtime/problem.ts";
import { RuleDocument } from "./documents/evaluation.ts";
import { FeatureParams, Reason } from "./documents/feature.ts";
import { findFeature, findOwnFeature, fileWarnings } from "./feature-answers.ts";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";
import { etagOf, readBody, readPrecondition } from "./read-request.ts";
import { Force, waits, type SubmitChange } from "./submit-change.ts";

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

const RuleBody = Rule.partial({ featureId: true });
const ReasonQuery = z.object({ reason: Reason.optional(), force: Force });
const place = { path: "/features/{featureId}/rule", tag: "Rules", params: FeatureParams } as const;

export const addRuleRoutes = (
  api: AdminApp,
  options: {
    features: Pick<FeatureReads, "getFeature" | "getRule">;
    submit: SubmitChange;
    evaluation: Pick<EvaluationReads, "ruleWarnings">;
  },
): void => {
  const { features, submit, evaluation } = options;

  addOperation(
    api,
    {
      ...place,
      method: "get",
      operationId: "getRule",
      summary: "Read a feature's rule",
      scope: "viewer",
      answers: { 200: { description: "The rule, with the feature's ETag.", schema: RuleDocument } },
    },
    async (request) => {
      const { context } = request;
      const record = await findFeature(request, features);
      if (!record.ok) return record.error;
      const stored = await features.getRule(record.value.state.featureId);
      if (stored === null)
        return problem(context, { status: 404, title: "Not Found", detail: "the feature has no rule yet" });
      context.header("etag", etagOf(record.value.state.version));
      return context.json(stored.rule);
    },
  );

  addOperation(
    api,
    {
      ...place,
      method: "put",
      operationId: "putRule",
      summary: "Set a feature's rule",
      description: "A first rule overwrites nothing and needs no If-Match; any other does.",
      scope: "editor",
      query: ReasonQuery,
      ifMatch: "unlessFirst",
      body: RuleBody,
      answers: {
        200: { description: "The rule is changed.", schema: RuleDocument },
        201: { description: "The feature has its first rule.", schema: RuleDocument },
        ...waits,
      },
    },
    async (request) => {
      const { context, principal, query } = request;
      const record = await findOwnFeature(request, features);
      if (!record.ok) return record.error;
      const { featureId, version } = record.value.state;
      const isFirst = record.value.ruleVersion === null;
      const precondition = readPrecondition(context, { version, required: !isFirst });
      if (!precondition.ok) return precondition.error;
      const body = await readBody(context, ruleBodyFor(featureId));
      if (!body.ok) return body.error;
      const change = { kind: "rule", featureId, rule: body.value } as const;
      const given = { change, reason: query.reason, otherwise: "rule set", force: query.force };
      const changed = await submit({ context, principal, ...given, ...precondition.value });
      if (!changed.ok) return changed.error;
      context.header("etag", etagOf(changed.value.features[0]?.version ?? version));
      const now = await features.getFeature(featureId);
      const warnings = [
        ...(await evaluation.ruleWarnings(featureId)),
        ...(now === null ? [] : fileWarnings(now)),
      ];
      return context.json(
        warnings.length === 0 ? body.value : { ...body.value, warnings },
        isFirst ? 201 : 200,
      );
    },
  );
};
