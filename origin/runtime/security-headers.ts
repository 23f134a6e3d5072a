// What every answer of the origin tells a browser: run nothing, be in no frame, tell nobody where one came from. A page that
// needs more says so in its own Content-Security-Policy.
import type { MiddlewareHandler } from "hono";

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
/** A year. Over plain http browsers ignore the header. */
const STAY_WITH_HTTPS = "max-age=31536000";

/** `isHttps`: whether people reach the origin by https. */
export const securityHeaders =
  ({ isHttps }: { isHttps: boolean }): MiddlewareHandler =>
  async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS))
      if (!context.res.headers.has(name)) context.res.headers.set(name, value);
    if (isHttps) context.res.headers.set("strict-transport-security", STAY_WITH_HTTPS);
  };
