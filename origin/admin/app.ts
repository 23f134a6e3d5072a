// The origin's HTTP surface apart from telemetry: admin API, health and metrics.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { KeyRing } from "../../shared/signing/key-ring.ts";
import type { HistoryReads } from "../db/history-reads.ts";
import type { Pool } from "../db/pool.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { FeatureChanges } from "../features/change-feature.ts";
import { requireToken } from "./token-auth.ts";
import { makePlanningRoutes } from "./planning-routes.ts";
import { makeDeliveryRoutes } from "./delivery-routes.ts";
import { makeFeatureRoutes } from "./feature-routes.ts";
import { makeHistoryRoutes } from "./history-routes.ts";
import { problem } from "./problem.ts";

const MAX_BODY_BYTES = 1024 * 1024;

export const makeAdminApp = (options: {
  pool: Pool;
  history: HistoryReads;
  changes: FeatureChanges;
  adminToken: string;
  metrics: Metrics;
  log: Logger;
  /** Sign the receipts of rollbacks. */
  keys: KeyRing | undefined;
  /** What is not ready, by name; empty when everything is. */
  unready: () => Promise<readonly string[]>;
}): Hono => {
  const { pool, history, changes, log } = options;
  const app = new Hono();

  app.get("/livez", (context) => context.text("ok"));
  app.get("/readyz", async (context) => {
    const missing = await options.unready();
    return missing.length === 0
      ? context.text("ok")
      : problem(context, { status: 503, title: "Not Ready", detail: missing.join("; ") });
  });
  app.get("/metrics", async (context) =>
    context.body(await options.metrics.registry.metrics(), 200, {
      "content-type": options.metrics.registry.contentType,
    }),
  );

  app.use("/admin/v1/*", requireToken(options.adminToken));
  app.use(
    "/admin/v1/*",
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => problem(context, { status: 413, title: "Content Too Large" }),
    }),
  );
  app.route("/admin/v1", makeFeatureRoutes({ pool, changes }));
  app.route("/admin/v1", makeHistoryRoutes({ pool, history }));
  app.route("/admin/v1", makePlanningRoutes({ pool, history, now: () => Date.now() / 1_000 }));
  app.route("/admin/v1", makeDeliveryRoutes({ pool, changes, keys: options.keys, now: Date.now }));

  app.notFound((context) =>
    problem(context, {
      status: 404,
      title: "Not Found",
      detail: `no ${context.req.method} ${context.req.path}`,
    }),
  );
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.path }, "request failed");
    return problem(context, { status: 500, title: "Internal Server Error" });
  });
  return app;
};
