// What the process answers over HTTP: its own health in every role, telemetry with ingest, API and pages with admin.
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { makeAgentRoutes } from "../agents/agent-routes.ts";
import { publicUrlOf } from "../environment/settings.ts";
import { isLoopback } from "../ingest/may-ingest.ts";
import { makeConsolePages } from "../runtime/console-pages.ts";
import { makeHttpApp } from "../runtime/http-app.ts";
import { makeHttpServer } from "../runtime/http-server.ts";
import { startAdmin, type Asked } from "./admin.ts";

export const makeHttp = async (asked: Asked) => {
  const { origin, telemetry, health } = asked;
  const { config, log, metrics, instance, version, has } = origin;
  const { ingest } = telemetry;
  const publicUrl = publicUrlOf(config);
  const stopping = new AbortController();
  const admin = has("admin") ? await startAdmin(asked, stopping.signal) : undefined;
  const app = makeHttpApp({
    metrics,
    log,
    instance,
    version,
    publicUrl,
    metricsToken: config.METRICS_TOKEN,
    notReady: health.notReady,
    adminApi: admin?.api,
    agentRoutes: (ask) =>
      makeAgentRoutes({
        app: ask,
        place: { isLocal: isLoopback(config.ORIGIN_HOST), publicUrl },
        log,
      }),
    signIn: admin?.signIn,
    consolePages: has("admin")
      ? makeConsolePages(config.CONSOLE_DIR ?? fileURLToPath(new URL("../../console/dist", import.meta.url)))
      : undefined,
  });
  const listener = getRequestListener(app.fetch);
  const server = makeHttpServer((request, response) => {
    if (ingest?.takes(request) === true) ingest.handle(request, response);
    else void listener(request, response);
  });
  return {
    server,
    admin,
    /** Event streams never end by themselves, and would hold up the server's stop. */
    streams: { stop: async () => stopping.abort() },
  };
};
