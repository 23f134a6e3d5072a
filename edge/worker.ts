// The Worker: adapts Cloudflare's entry points to a Site, of which there is one an isolate.
import { parseConfig, type Env } from "./config.ts";
import { makePostTraces } from "./telemetry/post-traces.ts";
import { forwardQueued } from "./telemetry/queue.ts";
import { locationHint } from "./snapshot/region.ts";
import { pathOf, toUpstream } from "./proxy/upstream.ts";
import { variableErrorText } from "../shared/variables.ts";
import { makeSite, type Site } from "./wire.ts";

export { Hub } from "./snapshot/hub.ts";
export { Replica } from "./snapshot/replica.ts";

type Isolate = { readonly site: Site } | { readonly fault: string };

let isolate: Isolate | null = null;

const start = (request: Request, env: Env): Isolate => {
  const config = parseConfig(env);
  if (config.ok) return { site: makeSite(env, config.value, locationHint(request.cf)) };
  const fault = `Sluice is misconfigured and gates nothing: ${config.error.map(variableErrorText).join("; ")}`;
  // oxlint-disable-next-line no-console -- the Worker's log is where an operator looks
  console.error(fault);
  return { fault };
};

/** Whether the request is for one of Sluice's own routes. */
const isOwn = (url: string): boolean => pathOf(url).startsWith("/.sluice/");

/** Misconfigured: the site goes on without Sluice; only Sluice's own routes say what is wrong. */
const withoutSluice = (request: Request, env: Env, fault: string): Response | Promise<Response> => {
  if (isOwn(request.url)) return Response.json({ title: fault, status: 503 }, { status: 503 });
  const { UPSTREAM_URL: upstream } = env;
  const upstreamUrl = typeof upstream === "string" && URL.canParse(upstream) ? upstream : "";
  const { to, init } = toUpstream(request, request.url, { upstreamUrl, told: null, place: null });
  return fetch(to, init);
};

export default {
  fetch(request, env, ctx) {
    isolate ??= start(request, env);
    if ("fault" in isolate) return withoutSluice(request, env, isolate.fault);
    const { url } = request;
    if (isOwn(url)) return isolate.site.own(request, env, ctx);
    return isolate.site.handle(request, url, (promise) => ctx.waitUntil(promise));
  },

  async queue(batch, env) {
    const config = parseConfig(env);
    if (!config.ok)
      throw new Error(
        `Sluice is misconfigured, telemetry stays in the queue: ${config.error.map(variableErrorText).join("; ")}`,
      );
    await forwardQueued(batch, makePostTraces(config.value));
  },
} satisfies ExportedHandler<Env, ArrayBuffer>;
