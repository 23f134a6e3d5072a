// One isolate's Sluice, put together from its configuration: snapshot cache, cookies, telemetry, gate and routes.
import type { Push } from "../shared/snapshot/versioned-snapshot.ts";
import type { Env } from "./bindings.ts";
import type { Config } from "./config.ts";
import { evaluateActivations } from "./features/evaluate.ts";
import { makeEvaluationCache } from "./features/evaluation-cache.ts";
import * as hmac from "./hmac.ts";
import { passesCache } from "./proxy/caching.ts";
import { makeIsClosedWithoutState } from "./proxy/closed-without-state.ts";
import { makeGateRequest } from "./proxy/gate-request.ts";
import { makeHandle, type Handle } from "./proxy/handle.ts";
import { makeFilling } from "./proxy/kept/filling.ts";
import { makeKeptPages } from "./proxy/kept/kept-pages.ts";
import { makePageMemory } from "./proxy/kept/page-memory.ts";
import { makePageNotes } from "./proxy/kept/page-notes.ts";
import { makePageStore, type PageStore } from "./proxy/kept/page-store.ts";
import { makeObserve } from "./proxy/observe.ts";
import type { UpstreamRequest } from "./proxy/upstream.ts";
import { makeApp } from "./routes/app.ts";
import { makeCaptchaRoute } from "./routes/captcha.ts";
import { makeElementsRoutes } from "./routes/elements.ts";
import { makeEventsRoute } from "./routes/events.ts";
import { makeExplainRoutes } from "./routes/explain.ts";
import { makeHealthRoute } from "./routes/health.ts";
import { makeReadPageOrigin } from "./routes/page-origin.ts";
import { makeOfrepRoutes } from "./routes/ofrep/routes.ts";
import { makePreviewRoute } from "./routes/preview.ts";
import { makePushRoute } from "./routes/push.ts";
import { readPush } from "./routes/read-push.ts";
import { makeReadUnproven } from "./routes/unproven-bodies.ts";
import { makeReportEvent } from "./routes/report-event.ts";
import { makeSnapshotCache, type SnapshotCache, type WaitUntil } from "./snapshot/cache.ts";
import { readKvCopy } from "./snapshot/kv-copy.ts";
import { makeExporter, type Exporter } from "./telemetry/exporter.ts";
import { makeIsKnownBot } from "./telemetry/known-bots.ts";
import { makePostTraces } from "./telemetry/post-traces.ts";
import { makeTracePush } from "./telemetry/trace-push.ts";
import { makePostOrQueue } from "./telemetry/queue.ts";
import { makeVerifyCaptcha } from "./visitor/captcha.ts";
import { makeReadClaims } from "./visitor/claims.ts";
import { dayOf, makeCookies, type WriteCookie } from "./visitor/cookie.ts";
import { makeIdentify } from "./visitor/identify.ts";
import { makeNetworkHash } from "./visitor/network.ts";
import { makeAllowNewUnit } from "./visitor/new-units.ts";
import { makePreviews } from "./visitor/preview.ts";
import { makeReadAuthority } from "./visitor/server-key.ts";
import { logLine } from "../shared/telemetry/log-line.ts";

export type Edge = {
  /** A visitor's request. */
  readonly handle: Handle;
  /** A request to one of Sluice's own routes. */
  readonly answerOwn: (request: Request, env: Env, ctx: ExecutionContext) => Response | Promise<Response>;
};

const randomBytes = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

const randomHex = (bytes: number): string =>
  [...randomBytes(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const now = (): number => Date.now();

export const makeEdge = (env: Env, config: Config, region: DurableObjectLocationHint): Edge => {
  const failures = makeFailureCount();
  const state = makeState(env, config, region);
  const { cache } = state;
  const exporter = makeTelemetry(env, config, region);
  const cookies = makeCookies(config.COOKIE_KEYS, hmac);
  const readClaims = makeReadClaims(config, now);
  const previews = makePreviews(config.PREVIEW_KEYS, hmac.verify, now);
  const readAuthority = makeReadAuthority(config.SERVER_KEYS);
  const readPageOrigin = makeReadPageOrigin(config.CORS_ORIGINS);
  const identify = makeIdentify({ config, cookies, readClaims, warn: makeWarnOnce() });
  const isKnownBot = makeIsKnownBot();
  const writeCookie: WriteCookie = (url, visitor) => cookies.write(url, visitor, dayOf(now()));
  const networkHash = makeNetworkHash(config.COOKIE_KEYS, hmac.sign);
  const allowNewUnit = makeAllowNewUnit(config.NEW_UNITS_A_MINUTE);
  const telling = { captcha: config.CAPTCHA, exporter, isKnownBot, networkHash };
  const reportEvent = makeReportEvent({ ...telling, now });

  const captcha =
    config.CAPTCHA === null
      ? null
      : makeCaptchaRoute({
          config: config.CAPTCHA,
          verify: makeVerifyCaptcha(config.CAPTCHA),
          identify,
          readPageOrigin,
          writeCookie,
          reportBot: async (request, bot, waitUntil) => {
            const { snapshot, stale } = await cache.read(waitUntil);
            const features = evaluateActivations(snapshot.enabled, { stale, previewId: null }, bot);
            reportEvent(request, bot, { says: "exposure", features }, waitUntil);
          },
          countFailure: failures.count,
          now,
        });

  const hasCache = findCache();
  const fetchUpstream = ({ to, init }: UpstreamRequest): Promise<Response> => fetch(to, init);
  const pages = {
    memory: makePageMemory(),
    notes: makePageNotes(),
    store: makeFindStore(hasCache),
    now,
  };
  const filling = makeFilling({
    ...pages,
    upstreamUrl: config.UPSTREAM_URL,
    passesCache: hasCache,
    fetchUpstream,
    countFailure: failures.count,
  });
  const keptPages = config.KEEP_PAGES === "off" ? null : makeKeptPages({ ...pages, filling });

  const stats = () => ({
    region,
    telemetry: exporter.stats(),
    failures: failures.total(),
    ...(keptPages === null ? {} : { keptPages: keptPages.stats() }),
    ...cache.stats(),
    ...(captcha === null ? {} : { captcha: captcha.stats() }),
  });

  const isClosedWithoutState = makeIsClosedWithoutState(config.CLOSED_WITHOUT_STATE);
  const gateRequest = makeGateRequest({
    cache,
    identify,
    evaluations: makeEvaluationCache(),
    readClaims,
    previews,
    allowNewUnit,
    isClosedWithoutState,
    now,
  });

  const readUnproven = makeReadUnproven();
  const app = makeApp({
    health: makeHealthRoute({ cache, stats, debugAlways: config.DEBUG_HEADERS === "always", now }),
    explain: makeExplainRoutes({ cache, identify, readAuthority, readClaims, previews }),
    preview: makePreviewRoute({ cache, previews, now }),
    push: makePushRoute({
      readPush: (request) =>
        readPush(request, {
          ring: config.PUSH_KEYS,
          audience: config.PUSH_AUDIENCE || new URL(request.url).host,
          nowMs: now(),
          verify: hmac.verify,
          readUnproven,
        }),
      sign: hmac.sign,
      now,
      push: state.push,
      trace: makeTracePush(config, { newSpanId: () => randomHex(8), warn: makeWarnOnce() }),
    }),
    events: makeEventsRoute({ cache, identify, previews, readPageOrigin, reportEvent, now }),
    ofrep: makeOfrepRoutes({
      cache,
      identify,
      readAuthority,
      readPageOrigin,
      writeCookie,
      reportEvent,
      allowNewUnit,
      readClaims,
      previews,
      now,
    }),
    elements: makeElementsRoutes({ cache, gateRequest, cookies, reportEvent, now }),
    captcha: captcha?.route ?? null,
  });

  const handle = makeHandle({
    isClosedWithoutState,
    config,
    gateRequest,
    cookies,
    observe: makeObserve({ ...telling, random: Math.random }),
    now,
    passesCache: hasCache,
    keptPages,
    fetchUpstream,
    countFailure: failures.count,
  });

  return { handle, answerOwn: (request, ownEnv, ctx) => app.fetch(request, ownEnv, ctx) };
};

/** The snapshot cache, and pushes to the hub. */
const makeState = (
  env: Env,
  config: Config,
  region: DurableObjectLocationHint,
): { cache: SnapshotCache; push: Parameters<typeof makePushRoute>[0]["push"] } => {
  const shard = Math.floor(Math.random() * config.REPLICA_SHARDS);
  const replicaName = config.REPLICA_SHARDS === 1 ? region : `${region}-${shard}`;
  const replica = () => env.REPLICA.get(env.REPLICA.idFromName(replicaName), { locationHint: region });

  const cache = makeSnapshotCache({
    watchMs: config.WATCH_MS,
    maxStaleMs: config.MAX_STALE_MS,
    watchReplica: (watch) => replica().watch(watch, replicaName),
    readKvCopy: () => readKvCopy(env.FEATURES),
    now,
    watcher: randomHex(8),
  });

  /** Wakes this isolate's replica meanwhile, so that the answer always names at least the region that took the push. */
  const push = async (message: Push, waitUntil: WaitUntil) => {
    const woken = cache.refresh(waitUntil);
    const pushed = await env.HUB.get(env.HUB.idFromName("hub")).push(message, replicaName);
    await woken;
    if (pushed.ok) await cache.refresh(waitUntil);
    return pushed;
  };

  return { cache, push };
};

const makeTelemetry = ({ TELEMETRY: queue }: Env, config: Config, region: string): Exporter => {
  const post = makePostTraces(config);
  return makeExporter({
    post: queue === undefined ? ({ body }) => post(body) : makePostOrQueue({ post, queue, now }),
    now,
    random: randomBytes,
    region,
    warn: makeWarnOnce(),
  });
};

/** Of what every request or batch may bring: the first in the isolate is enough to know. */
const makeWarnOnce = (): ((text: string) => void) => {
  let hasWarned = false;
  return (text) => {
    if (hasWarned) return;
    hasWarned = true;
    // oxlint-disable-next-line no-console -- the Worker's log is where an operator looks
    console.warn(logLine("warning", text, { at: new Date() }));
  };
};

const makeFailureCount = () => {
  let total = 0;
  return {
    count: (where: string, error: unknown): void => {
      total++;
      // oxlint-disable-next-line no-console -- the Worker's log is the only place where its own errors can be seen
      console.error(logLine("error", `${where} failed`, { at: new Date(), part: where, error }));
    },
    total: () => total,
  };
};

/** Whether `fetch` passes a cache of the platform's; true until the platform has answered. */
const findCache = (): (() => boolean) => {
  let hasCache = true;
  void (async () => {
    hasCache = await passesCache();
  })();
  return () => hasCache;
};

/** null while the platform has no cache. */
const makeFindStore = (hasCache: () => boolean): (() => PageStore | null) => {
  const store = makePageStore(() => caches.open("sluice"), now);
  return () => (hasCache() ? store : null);
};
