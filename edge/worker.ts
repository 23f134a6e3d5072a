// The Worker: adapts Cloudflare's entry points to an Edge, of which there is one an isolate.
import { canonicalPath, isUnreadable } from "../shared/features/canonical-path.ts";
import { variableErrorText } from "../shared/variables.ts";
import type { Env } from "./bindings.ts";
import { parseConfig } from "./config.ts";
import { pathOf } from "./incoming-request.ts";
import {
  makeAnswerMisconfigured,
  makeIsClosedWithoutState,
  readablePatterns,
} from "./proxy/closed-without-state.ts";
import { answerWhenClosed } from "./proxy/gate-outcome.ts";
import { toUpstream } from "./proxy/upstream.ts";
import { readKvCopy } from "./snapshot/kv-copy.ts";
import { locationHint } from "./snapshot/region.ts";
import { makePostTraces } from "./telemetry/post-traces.ts";
import { forwardQueued } from "./telemetry/queue.ts";
import { makeEdge, type Edge } from "./wire.ts";

export { Hub } from "./snapshot/hub.ts";
export { Replica } from "./snapshot/replica.ts";

type Isolate =
  | { readonly edge: Edge }
  | { readonly configError: string; readonly answer: ReturnType<typeof makeAnswerMisconfigured> };

let isolate: Isolate | null = null;

const start = (request: Request, env: Env): Isolate => {
  const config = parseConfig(env);
  if (config.ok) return { edge: makeEdge(env, config.value, locationHint(request.cf)) };
  const configError = `Sluice is misconfigured and gates nothing: ${config.error.map(variableErrorText).join("; ")}`;
  // oxlint-disable-next-line no-console -- the Worker's log is where an operator looks
  console.error(configError);
  const answer = makeAnswerMisconfigured({
    readCopy: () => readKvCopy(env.FEATURES),
    isClosed: makeIsClosedWithoutState(readablePatterns(env["CLOSED_WITHOUT_STATE"])),
    now: Date.now,
  });
  return { configError, answer };
};

/** Whether the request is for one of Sluice's own routes. */
const isOwn = (url: string): boolean => pathOf(url).startsWith("/.sluice/");

/** Servers disagree about such a path, so no route could name the page that it reaches. */
const refuse = (): Response =>
  new Response("Bad Request: the path can be read in several ways.\n", {
    status: 400,
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
  });

/** The site goes on without Sluice, but for what must stay closed; only Sluice's own routes say what is wrong. */
const passOn = async (
  request: Request,
  env: Env,
  { configError, answer }: Extract<Isolate, { configError: string }>,
): Promise<Response> => {
  const { url, method } = request;
  if (isOwn(url)) return Response.json({ title: configError, status: 503 }, { status: 503 });
  const closed = await answer({ path: canonicalPath(pathOf(url)), method, url });
  if (closed !== null) return answerWhenClosed(closed);
  const { UPSTREAM_URL: upstream } = env;
  const upstreamUrl = typeof upstream === "string" && URL.canParse(upstream) ? upstream : "";
  const { to, init } = toUpstream(request, request.url, { upstreamUrl, evaluated: null, destination: null });
  return fetch(to, init);
};

export default {
  fetch(request, env, ctx) {
    isolate ??= start(request, env);
    const { url } = request;
    if (isUnreadable(canonicalPath(pathOf(url)))) return refuse();
    if ("configError" in isolate) return passOn(request, env, isolate);
    if (isOwn(url)) return isolate.edge.answerOwn(request, env, ctx);
    return isolate.edge.handle(request, url, (promise) => ctx.waitUntil(promise));
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
