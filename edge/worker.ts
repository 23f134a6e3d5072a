// The Worker: adapts Cloudflare's entry points to a Site, of which there is one an isolate.
import { parseConfig, type Env } from "./env.ts";
import { makePostTraces } from "./observe/post.ts";
import { forwardQueued } from "./observe/queue.ts";
import { locationHint } from "./region.ts";
import { pathOf, toUpstream } from "./request/proxy.ts";
import { makeSite, type Site } from "./site.ts";

export { Hub } from "./state/hub.ts";
export { Replica } from "./state/replica.ts";

type Isolate = { readonly site: Site } | { readonly fault: string };

let isolate: Isolate | null = null;

const start = (request: Request, env: Env): Isolate => {
  const config = parseConfig(env);
  if (config.ok) return { site: makeSite(env, config.value, locationHint(request.cf)) };
  const fault = `Sluice is misconfigured and gates nothing: ${config.error}`;
  // oxlint-disable-next-line no-console -- the Worker's log is where an operator looks
  console.error(fault);
  return { fault };
};

/** Misconfigured: the site goes on without Sluice; only Sluice's own routes say what is wrong. */
const withoutSluice = (request: Request, env: Env, fault: string): Response | Promise<Response> => {
  if (pathOf(request.url).startsWith("/.sluice/"))
    return Response.json({ title: fault, status: 503 }, { status: 503 });
  const { UPSTREAM_URL: upstream } = env;
  return fetch(
    toUpstream(request, typeof upstream === "string" && URL.canParse(upstream) ? upstream : "", null),
  );
};

export default {
  fetch(request, env, ctx) {
    isolate ??= start(request, env);
    if ("fault" in isolate) return withoutSluice(request, env, isolate.fault);
    if (pathOf(request.url).startsWith("/.sluice/")) return isolate.site.own(request, env, ctx);
    return isolate.site.handle(request, (promise) => ctx.waitUntil(promise));
  },

  async queue(batch, env) {
    const config = parseConfig(env);
    if (!config.ok) throw new Error(`Sluice is misconfigured, telemetry stays in the queue: ${config.error}`);
    await forwardQueued(batch, makePostTraces(config.value));
  },
} satisfies ExportedHandler<Env, ArrayBuffer>;
