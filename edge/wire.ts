// One isolate's Sluice, put together from its environment: state, cookies, telemetry, routes.
import type { Push } from "../shared/snapshot/versioned-snapshot.ts";
import { makeApp } from "./routes/app.ts";
import { makeCaptcha } from "./routes/captcha.ts";
import { makeVerify } from "./visitor/captcha.ts";
import type { Config, Env } from "./config.ts";
import * as hmac from "./visitor/hmac.ts";
import { stickyAssignments } from "./routes/events.ts";
import { captchaFinding, isKnownBot, reportOf } from "./telemetry/observation.ts";
import { makePostTraces } from "./telemetry/post-traces.ts";
import { makePostOrQueue } from "./telemetry/queue.ts";
import { makeSender } from "./telemetry/exporter.ts";
import { makeOfrep } from "./routes/ofrep/routes.ts";
import { readPush } from "./routes/read-push.ts";
import { passesCache } from "./proxy/caching.ts";
import { makeReadClaims } from "./visitor/claims.ts";
import type { Assigned } from "./features/evaluate.ts";
import { makeHandle, type Handle } from "./proxy/handle.ts";
import { dayOf, makeCookies, type Identity } from "./visitor/cookie.ts";
import { makePreviews } from "./visitor/preview.ts";
import { makeRecognise, sentWith } from "./visitor/identify.ts";
import { readKept } from "./snapshot/kv-copy.ts";
import { makeMemory, type WaitUntil } from "./snapshot/cache.ts";

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
  const countFailure = (where: string, error: unknown): void => {
    failures++;
    // oxlint-disable-next-line no-console -- the Worker's log is the only place where its own errors can be seen
    console.error(`sluice: ${where} failed`, error);
  };
  let hasCache = true;
  void (async () => {
    hasCache = await passesCache();
  })();

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
  const push = async (message: Push, waitUntil: WaitUntil) => {
    const woken = memory.refresh(waitUntil);
    const pushed = await env.HUB.get(env.HUB.idFromName("hub")).push(message, replicaName);
    await woken;
    if (pushed.ok) await memory.refresh(waitUntil);
    return pushed;
  };

  const see = async (waitUntil: WaitUntil) => memory.see(waitUntil);
  const { refresh, changed } = memory;

  const remember = (url: string, identity: Identity) => cookies.write(url, identity, dayOf(now()));

  /** Reports what the unit was exposed to and acted on, outside of a request to the site. */
  const tell = (
    { method, headers }: Request,
    { unitId, captchaScore }: Identity,
    shown: { readonly exposed: readonly Assigned[]; readonly activated: readonly Assigned[] },
    waitUntil: WaitUntil,
  ) => {
    const report = reportOf(
      {
        method,
        unitId,
        isKnownBot: isKnownBot(headers.get("User-Agent")),
        captcha: captchaFinding(config.CAPTCHA, captchaScore),
        traceparent: headers.get("traceparent"),
        startMs: now(),
        durationMs: null,
        status: 204,
        ...shown,
        inFull: true,
      },
      Math.random,
    );
    if (report !== null) sender.add(report, waitUntil);
  };

  const captcha =
    config.CAPTCHA === null
      ? null
      : makeCaptcha({
          config: config.CAPTCHA,
          verify: makeVerify(config.CAPTCHA),
          identify,
          remember,
          tellOfBot: async (request, bot, waitUntil) => {
            const exposed = stickyAssignments(await see(waitUntil), bot);
            tell(request, bot, { exposed, activated: [] }, waitUntil);
          },
          countFailure,
          now,
        });

  const app = makeApp({
    see,
    identify,
    ofrep: makeOfrep({
      see,
      refresh,
      changed,
      identify,
      remember,
      readClaims,
      previews,
      now,
    }),
    readClaims,
    previews,
    readPush: (request) => readPush(request, config.PUSH_KEYS, now(), hmac.verify),
    push,
    tell,
    captcha,
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
    passesCache: () => hasCache,
    fetchUpstream: ({ to, init }) => fetch(to, init),
    countFailure,
  });

  return { handle, own: (request, ownEnv, ctx) => app.fetch(request, ownEnv, ctx) };
};
