// The origin: reads its configuration, brings up the database, wires the stages to one another, serves until told
// to stop. Exit 2 means that the configuration is wrong, and starting again would not help.
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { makeAdminApp } from "./admin/app.ts";
import { startFold } from "./aggregate/fold-thread.ts";
import { makeLagMonitor } from "./aggregate/lag-monitor.ts";
import { parseConfig, type Role } from "./config.ts";
import { startEmbeddedPostgres } from "./db/embedded-postgres.ts";
import { migrate } from "./db/migrate.ts";
import { makeHistoryReads } from "./db/history-reads.ts";
import { makePool } from "./db/pool.ts";
import { asServiceRole, serviceUrlOf } from "./db/service-role.ts";
import { readTargetIds } from "./evaluate/targets.ts";
import { makeEvaluator } from "./evaluate/evaluator.ts";
import { makeEvaluationLocks } from "./evaluate/evaluation-locks.ts";
import { makeBotRequestCounter } from "./ingest/count-bot-requests.ts";
import { makeFeatureDirectory } from "./ingest/feature-directory.ts";
import { makeOtlpHandler } from "./ingest/otlp-handler.ts";
import { HEARTBEAT_EVERY_MS, OUTAGE_LATENESS_SECONDS, recordHeartbeat } from "./span-log/heartbeat.ts";
import { makeLogger } from "./runtime/log.ts";
import { makeMetrics } from "./runtime/metrics.ts";
import { pruneDelivered } from "./delivery/outbox/prune.ts";
import { connectRedis } from "./delivery/bus/redis-bus.ts";
import { makeCompletionMonitor } from "./delivery/completion-monitor.ts";
import { startPush } from "./delivery/push-thread.ts";
import { startPeriodicTask } from "./runtime/periodic-task.ts";
import { makeFeatureChanges } from "./features/change-feature.ts";
import { countRollbacks } from "./features/count-rollbacks.ts";
import { makeSpanLog } from "./span-log/append.ts";
import { variableErrorText } from "../shared/variables.ts";

const parsed = parseConfig(process.env);
if (!parsed.ok) {
  for (const error of parsed.error) process.stderr.write(`${variableErrorText(error)}\n`);
  process.exit(2);
}
const config = parsed.value;
const log = makeLogger(config.LOG_LEVEL);
const metrics = makeMetrics();

// Asked to stop while still starting, it starts first: what was begun can then be ended in order. A supervisor that
// started this process over a channel asks by going away.
let ready = false;
let askedToStop: string | null = null;
const askToStop = (signal: string) => {
  askedToStop ??= signal;
  if (ready) void stop(signal);
};
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => askToStop(signal));
process.once("disconnect", () => askToStop("supervisor gone"));

const embedded =
  config.DATABASE_URL === undefined ? await startEmbeddedPostgres({ dataDir: config.DATA_DIR }) : undefined;
const givenUrl = config.DATABASE_URL ?? embedded?.url ?? "";
const migrated = await migrate(givenUrl, (message) => log.warn({ message }, "migration"));
if (migrated.length > 0) log.info({ migrated }, "database migrated");
const databaseUrl = (await serviceUrlOf(givenUrl)) ?? givenUrl;
if (databaseUrl === givenUrl) log.warn({}, "no service role: the service has the rights of its login");

let stopping = false;
const onIdleError = ({ message }: Error) => {
  if (!stopping) log.warn({ error: message }, "a database connection broke while idle");
};
const pool = makePool(databaseUrl, {
  applicationName: "sluice-origin",
  queryTimeoutMs: 10_000,
  onIdleError,
});

const connectReplica = (url: string) =>
  // Not asked whether it has the role: it is its primary's copy, and may be away just now.
  makePool(databaseUrl === givenUrl ? url : asServiceRole(url), {
    applicationName: "sluice-history",
    queryTimeoutMs: 10_000,
    onIdleError,
  });
const replica =
  config.DATABASE_REPLICA_URL === undefined ? undefined : connectReplica(config.DATABASE_REPLICA_URL);

const changes = makeFeatureChanges({ pool, newId: randomUUID });
const has = (role: Role): boolean => config.ROLES.includes(role);
/** Ended in this order when the origin stops: first what brings work, then what carries it out. */
const stops: (() => Promise<void>)[] = [];

// First of all: what was committed before this process died is what edges wait for.
const push = has("push")
  ? startPush(
      {
        databaseUrl,
        redisUrls: config.REDIS_URL ?? null,
        edgeUrls: config.EDGE_URLS,
        pushKeys: config.PUSH_KEYS ?? null,
        logLevel: config.LOG_LEVEL,
      },
      { metrics, logger: log },
    )
  : undefined;

const makeIngest = () => {
  // Connections of its own: telemetry neither waits for other work nor makes it wait.
  const ingestPool = makePool(databaseUrl, {
    applicationName: "sluice-ingest",
    max: 2,
    queryTimeoutMs: 10_000,
    onIdleError,
  });
  const spanLog = makeSpanLog({ pool: ingestPool });
  const bots = makeBotRequestCounter(ingestPool);
  const onBotError = (error: unknown) =>
    log.warn({ err: error }, "the counts of bot requests could not be stored; they are tried again in 1 s");
  const writing = startPeriodicTask({ everyMs: 1_000, run: () => bots.write(), onError: onBotError });
  const heartbeat = startPeriodicTask({
    everyMs: HEARTBEAT_EVERY_MS,
    run: async () => {
      const outageSeconds = await recordHeartbeat(ingestPool);
      if (outageSeconds > 0)
        log.warn(
          { outageSeconds },
          `ingest was down for ${Math.round(outageSeconds)} s; late telemetry is accepted for ` +
            `${OUTAGE_LATENESS_SECONDS} s before evaluation resumes`,
        );
    },
    onError: (error) =>
      log.warn({ err: error }, "the heartbeat of ingest could not be stored; it is tried again in 2 s"),
  });
  stops.push(
    () => heartbeat.stop(),
    () => spanLog.stop(),
    () => writing.stop(),
    () => bots.write().catch(onBotError),
    () => ingestPool.end(),
  );
  return makeOtlpHandler({
    log: spanLog,
    directory: makeFeatureDirectory(ingestPool, () => performance.now()),
    bots,
    raw: { sampleBps: config.RAW_SAMPLE_BPS, slowMs: config.RAW_SLOW_MS },
    captchaThreshold: config.CAPTCHA_THRESHOLD,
    token: config.INGEST_TOKEN,
    metrics,
    logger: log,
  });
};
const otlp = has("ingest") ? makeIngest() : undefined;

const startFolding = (): (() => number | null) => {
  if (has("fold")) {
    const fold = startFold({ databaseUrl, logger: log, metrics, rawKeepDays: config.RAW_KEEP_DAYS });
    stops.push(() => fold.stop());
    return fold.lagSeconds;
  }
  const monitor = makeLagMonitor(pool, () => performance.now());
  const reading = startPeriodicTask({
    everyMs: config.EVALUATE_EVERY_MS,
    run: () => monitor.read(),
    onError: (error) => log.error({ err: error }, "the fold's lag could not be read"),
  });
  stops.push(() => reading.stop());
  return monitor.lagSeconds;
};
const lagSeconds = startFolding();

if (has("evaluate")) {
  const evaluator = makeEvaluator({
    pool,
    metrics,
    log,
    now: () => Date.now() / 1_000,
    lagSeconds,
    rollbackFeature: ({ reason, ...rollback }) =>
      changes.rollbackFeature(rollback, { actor: "sluice", reason }),
    setRollout: ({ reason, rolloutBps, ...target }) =>
      changes.setRollout(target, rolloutBps, { actor: "sluice", reason }),
  });
  const redis = config.REDIS_URL === undefined ? undefined : connectRedis(config.REDIS_URL, log);
  const locks = redis === undefined ? undefined : makeEvaluationLocks({ redis, metrics, log });
  const evaluation = startPeriodicTask({
    everyMs: config.EVALUATE_EVERY_MS,
    run: async () => {
      const featureIds = await readTargetIds(pool);
      await evaluator.evaluate(locks === undefined ? featureIds : await locks.hold(featureIds));
    },
    onError: (error) =>
      log.error({ err: error }, "features could not be evaluated; they are tried again in time"),
  });
  stops.push(
    () => evaluation.stop(),
    async () => locks?.stop(),
    async () => redis?.disconnect(),
  );
}

if (push !== undefined) {
  const pruning = startPeriodicTask({
    everyMs: 3_600_000,
    run: () => pruneDelivered(pool),
    onError: (error) => log.warn({ err: error }, "old deliveries could not be removed"),
  });
  const completion = startPeriodicTask({
    everyMs: 5_000,
    run: makeCompletionMonitor({ pool, metrics, log }),
    onError: (error) => log.error({ err: error }, "could not check whether rollbacks are complete"),
  });
  stops.push(
    () => completion.stop(),
    () => pruning.stop(),
    () => push.stop(),
  );
}

const adminToken = config.ADMIN_TOKEN ?? randomBytes(24).toString("base64url");
if (config.ADMIN_TOKEN === undefined)
  process.stdout.write(`ADMIN_TOKEN is not set; this run's is ${adminToken}\n`);

const adminApp = makeAdminApp({
  pool,
  history: makeHistoryReads({ primary: pool, replica, log }),
  changes: countRollbacks(changes, metrics.rollbacks),
  adminToken,
  metrics,
  log,
  keys: config.PUSH_KEYS,
  unready: async () => {
    const database = await pool.query("select 1").then(
      () => undefined,
      (error: unknown) => `database: ${error instanceof Error ? error.message : String(error)}`,
    );
    return [
      ...(database === undefined ? [] : [database]),
      ...(push?.isReady() === false ? ["push: its thread is starting"] : []),
    ];
  },
});

const admin = getRequestListener(adminApp.fetch);
const server = createServer((request, response) => {
  if (otlp !== undefined && /^\/v1\/(?:traces|logs)(?:\?|$)/.test(request.url ?? "")) otlp(request, response);
  else void admin(request, response);
});
/** How long requests under way may take once the origin is told to stop. */
const DRAIN_MS = 5_000;
const stop = async (signal: string, exitCode = 0): Promise<void> => {
  if (stopping) return;
  stopping = true;
  log.info({ signal }, "stopping");
  // Requests under way are answered, by stages that still run.
  if (server.listening) {
    const closed = once(server, "close");
    server.close();
    server.closeIdleConnections();
    await Promise.race([closed, sleep(DRAIN_MS)]);
    server.closeAllConnections();
  }
  for (const end of stops) await end();
  await replica?.end();
  await pool.end();
  await embedded?.stop();
  process.exit(exitCode);
};
server.listen(config.ORIGIN_PORT, config.ORIGIN_HOST);
try {
  await once(server, "listening");
} catch (error) {
  const words = error instanceof Error ? error.message : String(error);
  process.stderr.write(`ORIGIN_PORT cannot be listened on: ${words}\n`);
  await stop("no port", 2);
}
log.info({ port: config.ORIGIN_PORT, roles: config.ROLES }, "origin is ready");

ready = true;
if (askedToStop !== null) await stop(askedToStop);
