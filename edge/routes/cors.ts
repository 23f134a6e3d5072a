// Cross-origin requests (Fetch, 3.3): pages of the origins in CORS_ORIGINS may call and read these routes, with cookies.
// Pages of other origins are refused before anything is read or counted.
import type { MiddlewareHandler } from "hono";
import type { ReadPageOrigin } from "./page-origin.ts";
import { problem } from "./problem.ts";

const PREFLIGHT = {
  "Access-Control-Allow-Methods": "GET, POST",
  "Access-Control-Allow-Headers":
    "Cache-Control, Content-Type, If-None-Match, Last-Event-ID, baggage, traceparent, tracestate",
  "Access-Control-Max-Age": "600",
} as const;

/** What a script may read of an answer beyond its body. */
const EXPOSED = "ETag, Retry-After";

export const makeCors =
  (readPageOrigin: ReadPageOrigin): MiddlewareHandler =>
  async (c, next) => {
    const { raw: request } = c.req;
    const page = readPageOrigin(request);
    if (request.method === "OPTIONS" && page !== "foreign") {
      c.res = new Response(null, { status: 204 });
      for (const [name, value] of Object.entries(PREFLIGHT)) if (page === "listed") c.header(name, value);
    } else if (page === "foreign") {
      c.res = problem(403, "pages of this origin may not ask; CORS_ORIGINS lists those that may");
    } else {
      await next();
    }
    c.header("Vary", "Origin", { append: true });
    if (page !== "listed") return;
    c.header("Access-Control-Allow-Origin", request.headers.get("Origin") ?? "");
    c.header("Access-Control-Allow-Credentials", "true");
    c.header("Access-Control-Expose-Headers", EXPOSED);
  };
