// Choosing a rule and following its decisions: forecast, calibration and the error budget.
import { z } from "@hono/zod-openapi";
import { Rule } from "../../shared/features/rule.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import { changeProblem } from "./change-problem.ts";
import { AlphaSpentDocument, CalibrationDocument, ForecastDocument } from "./documents/evaluation.ts";
import { FeatureParams } from "./documents/feature.ts";
import type { AdminApp } from "./admin-context.ts";
import { addOperation } from "./operation.ts";

const usersPerDay = z.number().max(1e12);
const PlanTestBody = z.strictObject({
  rule: Rule,
  usersPerDay: usersPerDay.positive().openapi({ description: "New users of treatment a day." }),
  holdoutUsersPerDay: usersPerDay
    .min(0)
    .default(0)
    .openapi({ description: "New users of the holdout a day." }),
});

export const addPlanningRoutes = (api: AdminApp, { evaluation }: { evaluation: EvaluationReads }): void => {
  addOperation(
    api,
    {
      method: "post",
      path: "/plan-test",
      operationId: "forecastRule",
      tag: "Planning",
      summary: "How long a rule takes to decide at a given traffic",
      scope: "viewer",
      body: PlanTestBody,
      answers: { 200: { description: "The forecast.", schema: ForecastDocument } },
    },
    async ({ context, readBody }) => {
      const body = await readBody();
      if (!body.ok) return body.error;
      const { rule, ...traffic } = body.value;
      const signals = evaluation.forecastRule(rule, traffic);
      return context.json({ signals, errorBudget: await evaluation.readAlphaSpent() });
    },
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/error-budget",
      operationId: "getErrorBudget",
      tag: "Planning",
      summary: "How many false rollbacks the last 30 days' launches may cost",
      scope: "viewer",
      answers: { 200: { description: "The error budget.", schema: AlphaSpentDocument } },
    },
    async ({ context }) => context.json(await evaluation.readAlphaSpent()),
  );

  addOperation(
    api,
    {
      method: "get",
      path: "/features/{featureId}/calibration",
      operationId: "calibrateRule",
      tag: "Planning",
      summary: "What other thresholds would have done on the observed data",
      description: "As text with `Accept: text/plain`.",
      scope: "viewer",
      params: FeatureParams,
      answers: {
        200: { description: "The replayed thresholds.", schema: CalibrationDocument, alsoText: true },
      },
    },
    async ({ context, params: { featureId } }) => {
      const calibration = await evaluation.calibrate(featureId);
      if (calibration === null) return changeProblem(context, { reason: "notFound", featureId });
      return context.req.header("accept") === "text/plain"
        ? context.text(evaluation.calibrationText(calibration))
        : context.json(calibration);
    },
  );
};
