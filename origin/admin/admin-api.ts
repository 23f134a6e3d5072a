// The admin API, below /admin/v1: everything that a person or a script may ask of the origin, and every change.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { DeliveryReads } from "../delivery/delivery-reads.ts";
import type { EvaluationReads } from "../evaluate/evaluation-reads.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import type { FeatureReads } from "../features/feature-reads.ts";
import { problem } from "../runtime/problem.ts";
import { makeDeliveryRoutes } from "./delivery-routes.ts";
import { makeFeatureRoutes } from "./feature-routes.ts";
import { makeHistoryRoutes } from "./history-routes.ts";
import { makePlanningRoutes } from "./planning-routes.ts";
import { makeRolloutRoutes } from "./rollout-routes.ts";
import { makeRuleRoutes } from "./rule-routes.ts";
import { requireToken } from "./token-auth.ts";

const MAX_BODY_BYTES = 1024 * 1024;

export const makeAdminApi = (options: {
  adminToken: string;
  features: FeatureReads;
  changes: FeatureChanges;
  evaluation: EvaluationReads;
  delivery: DeliveryReads;
}): Hono => {
  const app = new Hono();
  app.use(requireToken(options.adminToken));
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => problem(context, { status: 413, title: "Content Too Large" }),
    }),
  );
  app.route("/", makeFeatureRoutes(options));
  app.route("/", makeRuleRoutes(options));
  app.route("/", makeRolloutRoutes(options));
  app.route("/", makeHistoryRoutes(options));
  app.route("/", makePlanningRoutes(options));
  app.route("/", makeDeliveryRoutes(options));
  return app;
};
