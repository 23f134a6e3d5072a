// The Worker: adapts Cloudflare's entry points to an Edge, of which there is one an isolate.
import { variableErrorText } from "../shared/variables.ts";
import type { Env } from "./bindings.ts";
import { parseConfig } from "./config.ts";
import { makeReadAddress, type SentRequest } from "./incoming-request.ts";
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
import { logLine } from "../shared/telemetry/log-line.ts";

export { Hub } from "./snapshot/hub.ts";
export { Replica } from "./snapshot/replica.ts";

type Isolate =
  | { readonly edge: Edge }
  | { readonly configError: string; readonly answer: ReturnType<typeof makeAnswerMisconfigured> };

let isolate: Isolate | null = null;

const readAddress = makeReadAddress();

const start = (request: Request, env: Env): Isolate => {
  const config = parseConfig(env);
  if (config.ok) return { edge: makeEdge(env, config.value, locationHint(request.cf)) };
  const configError = `Sluice is misconfigured and gates nothing: ${config.error.map(variableErrorText).join("; ")}`;
  // oxlint-disable-next-line no-console -- the Worker's log is where an operator looks
  console.error(logLine("error", configError, { at: new Date() }));
  const answer = makeAnswerMisconfigured({
    readCopy: () => readKvCopy(env.FEATURES),
    isClosed: makeIsClosedWithoutState(readablePatterns(env["CLOSED_WITHOUT_STATE"])),
    now: Date.now,
  });
  return { configError, answer };
};

/** Whether a path, as it was sent, is one of Sluice's own routes. */
const isOwn = (path: string): boolean => path.startsWith("/.sluice/");

/** Servers disagree about such a path, so no route could name the page that it reaches. */
const refuse = (): Response =>
  new Response("Bad Request: the path can be read in several ways.\n", {
    status: 400,
    headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" },
  });

/** The site goes on without Sluice, but for what must stay closed; only Sluice's own routes say what is wrong. */
const passOn = async (
  { request, address }: SentRequest,
  env: Env,
  { answer }: Extract<Isolate, { configError: string }>,
): Promise<Response> => {
  const closed = await answer({ path: address.path, method: request.method, url: address.url });
  if (closed !== null) return answerWhenClosed(closed);
  const { UPSTREAM_URL: upstream } = env;
  const upstreamUrl = typeof upstream === "string" && URL.canParse(upstream) ? upstream : "";
  const { to, init } = toUpstream({ request, address }, { upstreamUrl, evaluated: null, destination: null });
  return fetch(to, init);
};

export default {
  fetch(request, env, ctx) {
    isolate ??= start(request, env);
    const address = readAddress(request.url);
    if (address.isUnreadable) return refuse();
    if (isOwn(address.sentPath))
      return "configError" in isolate
        ? Response.json({ title: isolate.configError, status: 503 }, { status: 503 })
        : isolate.edge.answerOwn(request, env, ctx);
    const sent = { request, address };
    if ("configError" in isolate) return passOn(sent, env, isolate);
    return isolate.edge.handle(sent, (promise) => ctx.waitUntil(promise));
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
