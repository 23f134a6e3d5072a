// One isolate's Sluice, put together from its environment: state, cookies, telemetry, routes.
import type { PushMessage } from "../shared/feature.ts";
import { makeApp } from "./app.ts";
import type { Config, Env } from "./env.ts";
import * as hmac from "./hmac.ts";
import { reportOf } from "./observe/observe.ts";
import { makePostTraces } from "./observe/post.ts";
import { makePostOrQueue } from "./observe/queue.ts";
import { makeSender } from "./observe/sender.ts";
import { makeOfrep } from "./ofrep/routes.ts";
import { readPush } from "./push.ts";
import { makeReadClaims } from "./request/claims.ts";
import { makeHandle, type Handle } from "./request/handle.ts";
import { dayOf, makeCookies } from "./request/identify.ts";
import { makePreviews } from "./request/preview.ts";
import { makeRecognise, sentWith } from "./request/recognise.ts";
import { readKept } from "./state/kept.ts";
import { makeMemory, type WaitUntil } from "./state/memory.ts";

export type Site = {
  readonly handle: Handle;
  readonly own: (request: Request, env: Env, ctx: ExecutionContext) => Response | Promise<Response>;
};

const randomBytes = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

const randomHex = (bytes: number): string =>
  [...randomBytes(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const now = (): number => Date.now();

export const makeSite = (env: Env, config: Config, region: DurableObjectLocationHint): Site => {
  const shard = Math.floor(Math.random() * config.REPLICA_SHARDS);
  const replicaName = config.REPLICA_SHARDS === 1 ? region : `${region}-${shard}`;
  const replica = () => env.REPLICA.get(env.REPLICA.idFromName(replicaName), { locationHint: region });
  let failures = 0;

  const memory = makeMemory({
    watchMs: config.WATCH_MS,
    maxStaleMs: config.MAX_STALE_MS,
    watchReplica: (watch) => replica().watch(watch, replicaName),
    readKept: () => readKept(env.FEATURES),
    now,
    watcher: randomHex(8),
  });

  const post = makePostTraces(config);
  const { TELEMETRY: queue } = env;
  const sender = makeSender({
    post: queue === undefined ? ({ body }) => post(body) : makePostOrQueue({ post, queue, now }),
    now,
    random: randomBytes,
  });

  const cookies = makeCookies(config.COOKIE_KEYS, hmac);
  const readClaims = makeReadClaims(config, now);
  const previews = makePreviews(config.PUSH_KEYS, hmac.verify, now);
  const recognise = makeRecognise({ config, cookies, readClaims });
  const identify = (request: Request) => recognise(sentWith(request));

  /** This isolate's replica is woken meanwhile, so that the answer always names at least the region that was asked. */
  const push = async (message: PushMessage, waitUntil: WaitUntil) => {
    const woken = memory.refresh(waitUntil);
    const pushed = await env.HUB.get(env.HUB.idFromName("hub")).push(message, replicaName);
    await woken;
    if (pushed.ok) await memory.refresh(waitUntil);
    return pushed;
  };

  const see = async (waitUntil: WaitUntil) => memory.see(waitUntil);
  const { refresh, changed } = memory;

  const app = makeApp({
    see,
    identify,
    ofrep: makeOfrep({
      see,
      refresh,
      changed,
      identify,
      remember: (url, identity) => cookies.write(url, identity, dayOf(now())),
      readClaims,
      previews,
      now,
    }),
    readClaims,
    previews,
    readPush: (request) => readPush(request, config.PUSH_KEYS, now(), hmac.verify),
    push,
    tell: ({ method, headers }, { unitId }, activated, waitUntil) => {
      const visit = {
        method,
        unitId,
        startMs: now(),
        durationMs: null,
        status: 204,
        exposed: [],
        inFull: true,
      };
      const userAgent = headers.get("User-Agent");
      const traceparent = headers.get("traceparent");
      const report = reportOf({ ...visit, userAgent, traceparent, activated }, Math.random);
      if (report !== null) sender.add(report, waitUntil);
    },
    stats: () => ({ telemetry: sender.stats(), failures, stateCalls: memory.calls() }),
    debugAlways: config.DEBUG_HEADERS === "always",
    now,
  });

  const handle = makeHandle({
    config,
    memory,
    cookies,
    readClaims,
    previews,
    recognise,
    sender,
    now,
    fetchUpstream: ({ to, init }) => fetch(to, init),
    countFailure: (where, error) => {
      failures++;
      // oxlint-disable-next-line no-console -- the Worker's log is the only place where its own errors can be seen
      console.error(`sluice: ${where} failed`, error);
    },
  });

  return { handle, own: (request, ownEnv, ctx) => app.fetch(request, ownEnv, ctx) };
};
