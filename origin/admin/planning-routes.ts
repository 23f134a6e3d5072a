// What helps to choose a rule and to follow its decisions: planning, calibration, the error budget, and pausing a ramp.
import { Hono } from "hono";
import { z } from "zod";
import type { HistoryReads } from "../db/history-reads.ts";
import type { Pool } from "../db/pool.ts";
import { forecastRule } from "../decide/planning/forecast.ts";
import { calibrate } from "../evaluate/calibrate.ts";
import { readAlphaSpent } from "../evaluate/alpha-spent.ts";
import { setRampPaused } from "../evaluate/ramp-position.ts";
import { calibrationText } from "../evaluate/calibration-text.ts";
import { Rule } from "../../shared/features/rule.ts";
import { changeProblem, readBody, readFeatureId } from "./requests.ts";

const PlanBody = z.strictObject({
  rule: Rule,
  usersPerDay: z.number().positive(),
  holdoutUsersPerDay: z.number().min(0).default(0),
});
const RampBody = z.strictObject({ paused: z.boolean() });

/** `now`: unix seconds. */
export const makePlanningRoutes = (options: {
  pool: Pool;
  history: HistoryReads;
  now: () => number;
}): Hono => {
  const { pool, history, now } = options;
  const app = new Hono();

  app.post("/plan-test", async (context) => {
    const body = await readBody(context, PlanBody);
    if (!body.ok) return body.error;
    const { rule, ...traffic } = body.value;
    return context.json({
      signals: forecastRule(rule, traffic),
      errorBudget: await history(readAlphaSpent),
    });
  });

  app.get("/error-budget", async (context) => context.json(await history(readAlphaSpent)));

  app.get("/features/:featureId/calibration", async (context) => {
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    const found = await history((db) => calibrate(db, id.value, now()));
    if (found === null) return changeProblem(context, { reason: "notFound", featureId: id.value });
    return context.req.header("accept") === "text/plain"
      ? context.text(calibrationText(found))
      : context.json(found);
  });

  app.post("/features/:featureId/ramp", async (context) => {
    const id = readFeatureId(context);
    if (!id.ok) return id.error;
    const body = await readBody(context, RampBody);
    if (!body.ok) return body.error;
    return (await setRampPaused(pool, id.value, body.value.paused))
      ? context.json({ featureId: id.value, paused: body.value.paused })
      : changeProblem(context, { reason: "notFound", featureId: id.value });
  });

  return app;
};
