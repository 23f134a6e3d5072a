// The routes of every origin process, with any roles: health, metrics, and a clear 404 where a role is missing.
import { Hono, type Env } from "hono";
import { requestId, type RequestIdVariables } from "hono/request-id";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { problem } from "./problem.ts";
import { bearerToken, sameSecret } from "./secrets.ts";
import { securityHeaders } from "./security-headers.ts";

export const INSTANCE_HEADER = "sluice-instance";

/** A request to the app within its process. `env` has the connection of the one that asks. */
type AskApp = (request: Request, env: unknown) => Promise<Response>;

/** "fold: it is 61 s behind" */
const partOf = (missing: string): { readonly part: string; readonly detail: string } => {
  const at = missing.indexOf(": ");
  return { part: missing.slice(0, at), detail: missing.slice(at + 2) };
};

export const makeHttpApp = <E extends Env>(options: {
  metrics: Pick<Metrics, "registry" | "adminRequestSeconds">;
  log: Logger;
  /** Names this process in its answers to /livez and /readyz: whoever started it knows that no other one answers. */
  instance: string;
  version: string;
  /** As people see it; over https browsers are told to stay with that. */
  publicUrl: string;
  /** undefined: everybody may read the metrics. */
  metricsToken: string | undefined;
  /** Names each part that is not ready; empty when everything is. */
  notReady: () => Promise<readonly string[]>;
  /** undefined: this process does not have the role `admin`. */
  adminApi: { readonly routes: Hono<E>; readonly reference: Hono } | undefined;
  /** Routes for agents, which ask this app's own admin API. */
  agentRoutes?: (ask: AskApp) => Hono<{ Variables: RequestIdVariables }>;
  /** The pages on which people sign in; undefined without the role `admin`. */
  signIn: Hono | undefined;
  /** The console's pages; undefined without the role `admin`. */
  consolePages?: Hono | undefined;
}) => {
  const { metrics, log, instance, version, publicUrl, metricsToken, notReady } = options;
  const { adminApi, agentRoutes, signIn, consolePages } = options;
  const app = new Hono<{ Variables: RequestIdVariables }>();
  app.use(requestId());
  app.use(securityHeaders({ isHttps: publicUrl.startsWith("https:") }));

  app.use("/:health{livez|readyz}", async (context, next) => {
    await next();
    context.res.headers.set(INSTANCE_HEADER, instance);
  });
  app.get("/livez", (context) => context.text(`ok\nsluice ${version}\n`));
  app.get("/readyz", async (context) => {
    const missing = await notReady();
    return missing.length === 0
      ? context.text("ok")
      : problem(context, {
          status: 503,
          title: "Not Ready",
          detail: missing.join("; "),
          missing: missing.map(partOf),
        });
  });
  app.get("/metrics", async (context) => {
    const given = bearerToken(context.req.header("authorization"));
    if (metricsToken !== undefined && (given === undefined || !sameSecret(given, metricsToken))) {
      context.header("www-authenticate", 'Bearer realm="sluice metrics"');
      return problem(context, {
        status: 401,
        title: "Unauthorized",
        detail: "an Authorization: Bearer header with the METRICS_TOKEN is required",
      });
    }
    const { registry } = metrics;
    return context.body(await registry.metrics(), 200, { "content-type": registry.contentType });
  });

  if (adminApi === undefined) {
    app.all("/:path{admin/.*|mcp|llms\\.txt}", (context) =>
      problem(context, {
        status: 404,
        title: "Not Found",
        detail: "this process has no admin API: the role admin is not among its ROLES",
      }),
    );
  } else {
    app.use("/admin/v1/*", async (context, next) => {
      const beganMs = performance.now();
      await next();
      const status = `${Math.floor(context.res.status / 100)}xx`;
      metrics.adminRequestSeconds.observe({ status }, (performance.now() - beganMs) / 1_000);
    });
    app.route("/admin/v1", adminApi.routes);
    app.route("/", adminApi.reference);
    if (agentRoutes !== undefined)
      app.route(
        "/",
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the env of another request, handed on as it is
        agentRoutes(async (request, env) => app.fetch(request, env as object)),
      );
  }
  if (signIn !== undefined) app.route("/", signIn);
  if (consolePages !== undefined) app.route("/", consolePages);
  // With the role `ingest` these never come here (main.ts).
  app.all("/v1/:signal{traces|logs|metrics}", (context) =>
    problem(context, {
      status: 404,
      title: "Not Found",
      detail: "this process takes no telemetry: the role ingest is not among its ROLES",
    }),
  );

  app.notFound((context) =>
    problem(context, {
      status: 404,
      title: "Not Found",
      detail: `no ${context.req.method} ${context.req.path}`,
    }),
  );
  app.onError((error, context) => {
    log.error(
      { err: error, path: context.req.path, requestId: context.get("requestId") },
      "a request failed and was answered with 500",
    );
    return problem(context, { status: 500, title: "Internal Server Error" });
  });
  return app;
};
