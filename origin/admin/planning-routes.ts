// Choosing a rule and following its decisions: forecast, calibration, the error budget, and pausing a ramp.
import { Hono } from "hono";
import { z } from "zod";
import { Rule } from "../../shared/features/rule.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import { changeProblem } from "./change-problem.ts";
import { readBody, readFeatureId } from "./read-request.ts";

const PlanTestBody = z.strictObject({
  rule: Rule,
  usersPerDay: z.number().positive(),
  holdoutUsersPerDay: z.number().min(0).default(0),
});
const RampBody = z.strictObject({ paused: z.boolean() });

export const makePlanningRoutes = ({ evaluation }: { evaluation: EvaluationReads }): Hono => {
  const app = new Hono();

  app.post("/plan-test", async (context) => {
    const body = await readBody(context, PlanTestBody);
    if (!body.ok) return body.error;
    const { rule, ...traffic } = body.value;
    const signals = evaluation.forecastRule(rule, traffic);
    return context.json({ signals, errorBudget: await evaluation.readAlphaSpent() });
  });

  app.get("/error-budget", async (context) => context.json(await evaluation.readAlphaSpent()));

  app.get("/features/:featureId/calibration", async (context) => {
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    const calibration = await evaluation.calibrate(id.value);
    if (calibration === null) return changeProblem(context, { reason: "notFound", featureId: id.value });
    return context.req.header("accept") === "text/plain"
      ? context.text(evaluation.calibrationText(calibration))
      : context.json(calibration);
  });

  app.post("/features/:featureId/ramp", async (context) => {
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    const body = await readBody(context, RampBody);
    if (!body.ok) return body.error;
    const { paused } = body.value;
    return (await evaluation.setRampPaused(id.value, paused))
      ? context.json({ featureId: id.value, paused })
      : changeProblem(context, { reason: "notFound", featureId: id.value });
  });

  return app;
};
