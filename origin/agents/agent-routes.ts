// For agents: POST /mcp, the tools over streamable HTTP (MCP), and /llms.txt, which tells of it. Stateless: each request has a server of its own, so that any origin process
// can answer it. The token is the admin API's, which is asked in this process.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { RequestIdVariables } from "hono/request-id";
import type { ErrorLog } from "../runtime/log.ts";
import { problem } from "../runtime/problem.ts";
import type { Ask } from "./ask.ts";
import { llmsText } from "./llms-text.ts";
import { refusalOfPage, type Place } from "./browser-guard.ts";

const MAX_BODY_BYTES = 1024 * 1024;

/** The origin's own app: `env` has the connection, by which wrong tokens are counted. */
type OriginApp = (request: Request, env: unknown) => Promise<Response>;

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const makeAgentRoutes = (options: {
  app: OriginApp;
  place: Place;
  log: ErrorLog;
}): Hono<{ Variables: RequestIdVariables }> => {
  const { app, place, log } = options;
  const routes = new Hono<{ Variables: RequestIdVariables }>();

  routes.use("/mcp", (context, next) => {
    const host = context.req.header("host");
    const refusal = refusalOfPage({ host, origin: context.req.header("origin") }, place);
    if (refusal === null) return next();
    return Promise.resolve(problem(context, { status: 403, title: "Forbidden", detail: refusal }));
  });
  routes.use(
    "/mcp",
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => problem(context, { status: 413, title: "Content Too Large" }),
    }),
  );

  routes.post("/mcp", async (context) => {
    const ask: Ask = async ({ method = "GET", path, headers = {}, body, signal }) => {
      const init = {
        method,
        headers: {
          ...headers,
          authorization: context.req.header("authorization") ?? "",
          "x-request-id": context.get("requestId"),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      };
      return app(new Request(new URL(`/admin/v1${path}`, "http://origin.invalid"), init), context.env);
    };
    // Before anything is read: 401 with how to sign in, 403 for a token of telemetry, 429.
    const me = await ask({ path: "/me" });
    if (!me.ok) return me;
    // Not with the process: most origins are never asked by an agent, and it takes 27 MB and a fifth of a second.
    const { answerMcp } = await import("./answer-mcp.ts");
    return answerMcp(context.req.raw, {
      body: parseJson(await context.req.text()),
      ask,
      report: (error, tool) =>
        log.error({ err: error, tool, requestId: context.get("requestId") }, "a tool of an agent failed"),
    });
  });
  routes.all("/mcp", (context) => {
    context.header("allow", "POST");
    return problem(context, {
      status: 405,
      title: "Method Not Allowed",
      detail: "agents send POST; there is no stream to GET and no session to DELETE",
    });
  });
  const text = llmsText(place.publicUrl);
  routes.get("/llms.txt", (context) => context.text(text));
  return routes;
};
