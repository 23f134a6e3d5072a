// The origin: reads its configuration, brings up the database, starts the stages of its roles and wires them to one
// another, and serves until told to stop. Exit 2: the configuration is wrong, and starting again would not help.
import { fileURLToPath } from "node:url";
import { randomUUID } from "node:crypto";
import { getRequestListener } from "@hono/node-server";
import { makeAgentRoutes } from "./agents/agent-routes.ts";
import { makeAdminApi } from "./admin/admin-api.ts";
import { makeIdempotentAnswers } from "./access/idempotent-answers.ts";
import { accessChecks, countIngestTokens } from "./access/access-health.ts";
import { makeAccess } from "./access/make-access.ts";
import { makeSessions } from "./access/make-sessions.ts";
import { makeSessionKeys } from "./access/make-session-keys.ts";
import { printNewToken } from "./access/new-admin-token.ts";
import { readPositionsOfAll } from "./aggregate/checkpoints.ts";
import { makeForgetUnit } from "./aggregate/forget-unit.ts";
import { foldBehind } from "./aggregate/fold-behind.ts";
import { startFold } from "./aggregate/fold-thread.ts";
import { startLagMonitor } from "./aggregate/lag-monitor.ts";
import { leftStreamsCheck, watchLeftStreams } from "./aggregate/left-streams.ts";
import { connectClickHouse } from "./aggregate/raw-spans/clickhouse.ts";
import { rawSpanChecks } from "./aggregate/raw-spans/raw-span-health.ts";
import { startSpoolSender } from "./aggregate/raw-spans/send-spool.ts";
import { startTableUpkeep } from "./aggregate/table-upkeep.ts";
import {
  isReachable,
  parseConfig,
  providerOf,
  publicUrlOf,
  spanLogOf,
  Variables,
  type Role,
} from "./config.ts";
import { certificateProblems } from "./db/certificates.ts";
import { databaseChecks } from "./db/database-health.ts";
import { MAIN, openAggregateDatabases } from "./db/aggregate-databases.ts";
import { openDatabase } from "./db/open-database.ts";
import { redisCheck } from "./db/redis-health.ts";
import { makeDeliveryReads } from "./delivery/delivery-reads.ts";
import { edgeChecks } from "./delivery/edges/edge-health.ts";
import { makeKeyOf } from "./delivery/edges/push-key.ts";
import { makeSend } from "./delivery/edges/send-push.ts";
import { startDelivery } from "./delivery/start-delivery.ts";
import { makeAggregates } from "./evaluate/aggregates.ts";
import { evaluationChecks } from "./evaluate/evaluation-health.ts";
import { makeEvaluationReads } from "./evaluate/evaluation-reads.ts";
import { pricesOf } from "./evaluate/review/burn.ts";
import { startWeeklyReview } from "./evaluate/review/start-weekly-review.ts";
import { startEvaluation } from "./evaluate/start-evaluation.ts";
import { startFinishingApproved } from "./features/approvals/finish-approved.ts";
import { makeApprovals } from "./features/approvals/make-approvals.ts";
import { makeFeatureChanges } from "./features/change-feature.ts";
import { countRollbacks } from "./features/count-rollbacks.ts";
import { makeDecidedChanges } from "./features/decided-changes.ts";
import { makeAnnotations } from "./features/annotations.ts";
import { makeChangeTraces } from "./features/trace-changes.ts";
import { makePreviewLinks } from "./features/preview-link.ts";
import { makeSchedules } from "./features/schedules/make-schedules.ts";
import { startSchedules } from "./features/schedules/start-schedules.ts";
import { makeFeatureReads } from "./features/feature-reads.ts";
import { readFeatureIds } from "./features/read-features.ts";
import { currentHead } from "./features/read-snapshot.ts";
import { ingestChecks } from "./ingest/ingest-health.ts";
import { isLoopback } from "./ingest/may-ingest.ts";
import { makeHooks } from "./hooks/make-hooks.ts";
import { makeSegmentChanges } from "./features/segments/change-segment.ts";
import { makeSegmentReads } from "./features/segments/segment-reads.ts";
import { startIngest } from "./ingest/start-ingest.ts";
import { makePseudonymKeys, PseudonymKeyError } from "./span-log/pseudonyms/pseudonym-keys.ts";
import { makeAnnounce, makeIsAnnounced } from "./notifications/announce.ts";
import { parseAllowedHosts } from "./notifications/channels/address-guard.ts";
import { makePostJson } from "./notifications/channels/post-json.ts";
import { makeSendEmail } from "./notifications/channels/send-email.ts";
import { makeSendMessage } from "./notifications/channels/send-message.ts";
import { environmentTargets } from "./notifications/environment-targets.ts";
import { makeNotificationTargets } from "./notifications/notification-targets.ts";
import { startNotifications } from "./notifications/start-notifications.ts";
import { notificationChecks } from "./notifications/upkeep.ts";
import { errorText } from "./runtime/error-text.ts";
import { makeConsolePages } from "./runtime/console-pages.ts";
import { withFileVariables } from "./runtime/file-variables.ts";
import { forgetSeries } from "./runtime/forget-series.ts";
import { keepMemorySmall } from "./runtime/give-memory-back.ts";
import { makeHttpApp } from "./runtime/http-app.ts";
import { makeHttpServer } from "./runtime/http-server.ts";
import { makeLogger } from "./runtime/log.ts";
import { makeMetrics } from "./runtime/metrics.ts";
import { makeAddressOf } from "./runtime/client-address.ts";
import { makeRequestLimits } from "./runtime/request-limits.ts";
import { makePageCookies } from "./runtime/session-cookie.ts";
import { startPeriodicTask } from "./runtime/periodic-task.ts";
import { makeShutdown } from "./runtime/shutdown.ts";
import { startTracing } from "./runtime/tracing.ts";
import packageJson from "../package.json" with { type: "json" };
import { fixPartitions, PartitionsFixed } from "./span-log/fix-partitions.ts";
import { openSpanLog } from "./span-log/open-span-log.ts";
import { spanLogChecks } from "./span-log/span-log-health.ts";
import type { ProviderSettings } from "./sign-in/provider.ts";
import { makeSignInApp } from "./sign-in/sign-in-app.ts";
import { variableErrorText } from "../shared/variables.ts";

const FORGET_SERIES_EVERY_MS = 60_000;
const FORGET_TIMEOUT_MS = 600_000;

const given = withFileVariables(process.env, Object.keys(Variables.shape));
const parsed = given.ok ? parseConfig(given.value) : given;
if (!parsed.ok) {
  for (const error of parsed.error) process.stderr.write(`${variableErrorText(error)}\n`);
  process.exit(2);
}
const config = parsed.value;
const unreadable = (["DATABASE_URL", "DATABASE_REPLICA_URL", "REDIS_URL"] as const).flatMap((variable) =>
  certificateProblems([config[variable]].flat()).map((reason) => variableErrorText({ variable, reason })),
);
if (unreadable.length > 0) {
  for (const line of unreadable) process.stderr.write(`${line}\n`);
  process.exit(2);
}
const log = makeLogger(config.LOG_LEVEL);
const metrics = makeMetrics();
const shutdown = makeShutdown(log);
const instance = randomUUID();
const has = (role: Role): boolean => config.ROLES.includes(role);

const database = await openDatabase({
  config,
  log,
  isEnding: shutdown.isRequested,
  isStopping: shutdown.hasBegun,
}).catch((error: unknown) => shutdown.giveUp([], `the database cannot be used: ${errorText(error)}`, 1));
const { pool, history, url: databaseUrl, makeStagePool } = database;
const aggregateDatabases = await openAggregateDatabases({
  configured: config.AGGREGATE_DATABASE_URLS,
  migrates: config.MIGRATE !== "wait",
  main: { url: databaseUrl, pool },
  log,
  isStopping: shutdown.hasBegun,
});
if (config.MIGRATE === "only") {
  const problems = [...aggregateDatabases.problems()];
  for (const [name, problem] of problems)
    log.error({ database: name, error: problem }, "an aggregate database lacks migrations");
  if (problems.length === 0)
    log.info({}, "the database has all migrations; MIGRATE is only, so the process ends");
  await aggregateDatabases.stop();
  await database.stop();
  process.exit(problems.length === 0 ? 0 : 1);
}
const tracing = await startTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, packageJson.version);
const traces =
  tracing === undefined
    ? undefined
    : makeChangeTraces({
        db: pool,
        readLineage: async () => (await currentHead(pool, null)).message.lineage,
        tracing,
        log,
      });
const changes = countRollbacks(
  makeFeatureChanges({
    pool,
    newId: randomUUID,
    siteHosts: config.EDGE_URLS.map((url) => new URL(url).host),
    onCommitted: (commit) => {
      metrics.commitSeconds.observe(commit.seconds);
      traces?.committed(commit);
    },
  }),
  metrics,
);
const approvals = makeApprovals({ pool, changes });
const schedules = makeSchedules({ pool, changes });
/** Features that are deleted leave /metrics too. */
const seriesUpkeep = startPeriodicTask({
  everyMs: FORGET_SERIES_EVERY_MS,
  run: async () => {
    const existing: ReadonlySet<string> = new Set(await readFeatureIds(pool));
    await forgetSeries(metrics.registry, (feature) => existing.has(feature));
  },
  onError: (error) =>
    log.warn(
      { err: error },
      "the metrics of deleted features could not be removed; it is tried again in a minute",
    ),
});
const finishing = has("admin") ? startFinishingApproved({ approvals, log }) : undefined;

const adminToken = config.ADMIN_TOKEN ?? (has("admin") ? printNewToken() : undefined);
const access = makeAccess({
  pool,
  adminToken,
  nowMs: () => performance.now(),
  isLocal: !isReachable(config),
  log,
});

const publicUrl = publicUrlOf(config);
const announce = makeAnnounce(pool);
const notifyAllowed = parseAllowedHosts(config.NOTIFY_ALLOW_HOSTS);
const mailServer =
  config.SMTP_URL === undefined || config.SMTP_FROM === undefined
    ? null
    : { url: config.SMTP_URL, from: config.SMTP_FROM };
const sendMessage = makeSendMessage({
  postJson: makePostJson(notifyAllowed),
  sendEmail: mailServer === null ? null : makeSendEmail(mailServer),
  publicUrl,
  nowMs: Date.now,
});
const ownTargets = environmentTargets(config.SLACK_WEBHOOK_URL);

// First, because edges wait for the changes that were committed before this process started.
const delivery = has("push")
  ? startDelivery({ databaseUrl, pool, config, announce, metrics, log })
  : undefined;
const notifications = has("push")
  ? startNotifications({
      pool: makeStagePool({ applicationName: "sluice-news", max: 4 }),
      send: sendMessage,
      canMail: mailServer !== null,
      environment: ownTargets,
      metrics,
      log,
    })
  : undefined;
const pseudonyms = makePseudonymKeys({ db: pool, keys: config.PSEUDONYM_KEYS, naming: config.UNIT_IDS });
await pseudonyms
  .verify()
  .catch((error: unknown) =>
    shutdown.giveUp(
      [database],
      error instanceof PseudonymKeyError ? error.message : `pseudonyms: ${errorText(error)}`,
      error instanceof PseudonymKeyError ? 2 : 1,
    ),
  );
await fixPartitions(pool, config.SPAN_LOG_PARTITIONS).catch((error: unknown) =>
  shutdown.giveUp(
    [database],
    error instanceof PartitionsFixed ? error.message : `the number of partitions: ${errorText(error)}`,
    error instanceof PartitionsFixed ? 2 : 1,
  ),
);
const spanLog = await openSpanLog({
  settings: spanLogOf(config),
  name: `sluice ${config.ROLES.join(",")}`,
  pool,
  onProblem: (problem) => log.warn({ problem }, "the span log has a problem; it is tried again"),
});
if (has("ingest") || has("fold"))
  await spanLog
    .check()
    .catch((error: unknown) =>
      shutdown.giveUp([spanLog, database], `the span log cannot be used: ${errorText(error)}`, 2),
    );
const ingest = has("ingest")
  ? startIngest({ makeStagePool, spanLog, config, access, pseudonyms, metrics, log })
  : undefined;
const upkeep =
  has("ingest") || has("fold")
    ? startTableUpkeep({
        // The second is for the one that finishes moves.
        pool: makeStagePool({
          applicationName: "sluice-upkeep",
          max: aggregateDatabases.all.length > 1 ? 2 : 1,
        }),
        databases: aggregateDatabases.all,
        spanLog,
        rawKeepDays: config.RAW_KEEP_DAYS,
        unitKeepDays: config.UNIT_KEEP_DAYS,
        metrics,
        log,
      })
    : undefined;
const unreadStreams = {
  pool,
  databases: aggregateDatabases.all,
  own: spanLog.streamNames,
  nowMs: Date.now,
};
const leftStreams = watchLeftStreams({ ...unreadStreams, log });
const lag = startLagMonitor({
  pool,
  databases: aggregateDatabases.all,
  spanLog: spanLog.reader,
  everyMs: config.EVALUATE_EVERY_MS,
  metrics,
  log,
});
const fold = has("fold")
  ? startFold({
      databaseUrl,
      spanLog: spanLogOf(config),
      spoolBytes: config.CLICKHOUSE_URL === undefined ? undefined : config.RAW_SPOOL_MB * 1_000_000,
      aggregateDatabases: config.AGGREGATE_DATABASE_URLS,
      logger: log,
      metrics,
    })
  : undefined;
const rawSpans =
  has("fold") && config.CLICKHOUSE_URL !== undefined
    ? startSpoolSender({
        pool: makeStagePool({ applicationName: "sluice-raw-spans", max: 2 }),
        store: await connectClickHouse({
          url: config.CLICKHOUSE_URL,
          user: config.CLICKHOUSE_USER,
          password: config.CLICKHOUSE_PASSWORD,
        }),
        metrics,
        log,
      })
    : undefined;
const aggregates = makeAggregates({
  databases: aggregateDatabases,
  lagOf: lag.lagOf,
  nowMs: () => performance.now(),
});
const evaluation = has("evaluate")
  ? await startEvaluation({
      pool,
      everyMs: config.EVALUATE_EVERY_MS,
      redisUrls: config.REDIS_URL,
      // A fold knows the lag sooner, and of several databases only which one is the furthest behind.
      lagSeconds: (config.AGGREGATE_DATABASE_URLS.length > 0 ? lag : (fold ?? lag)).lagSeconds,
      aggregates,
      ...makeDecidedChanges(changes),
      onCarriedOut: traces?.decided,
      metrics,
      log,
    })
  : undefined;
const timetable = has("evaluate") ? startSchedules({ schedules, log }) : undefined;

const evaluationReads = makeEvaluationReads({
  pool,
  history,
  aggregates,
  now: () => Date.now() / 1_000,
  rawKeepDays: config.RAW_KEEP_DAYS,
  prices: pricesOf({
    currency: config.REVIEW_CURRENCY,
    perMillionRequests: config.REVIEW_PRICE_PER_MILLION_REQUESTS,
    perUpstreamHour: config.REVIEW_PRICE_PER_UPSTREAM_HOUR,
  }),
});
const weeklyReview =
  has("evaluate") && config.REVIEW_AT !== null
    ? startWeeklyReview({
        at: config.REVIEW_AT,
        review: evaluationReads.review,
        announce,
        isAnnounced: makeIsAnnounced(pool),
        nowMs: Date.now,
        log,
      })
    : undefined;

/** Event streams never end by themselves, and would hold up the server's stop. */
const stopping = new AbortController();
const streams = { stop: async () => stopping.abort() };

const notReady = async (): Promise<readonly string[]> => [
  ...(shutdown.hasBegun() ? ["process: it is being stopped"] : []),
  ...(await database.notReady()),
  ...(has("ingest") || has("fold") ? spanLog.notReady() : []),
  ...(ingest?.notReady() ?? []),
  ...(upkeep?.notReady() ?? []),
  ...(fold?.notReady() ?? []),
  ...(fold === undefined ? [] : foldBehind(fold.lagSeconds(), { takesTelemetry: has("ingest") })),
  ...(delivery?.isReady() === false ? ["push: its thread is starting"] : []),
];

const health = {
  version: packageJson.version,
  notReady,
  checks: [
    ...databaseChecks({ ...database, nowMs: Date.now }),
    redisCheck(config.REDIS_URL),
    ...edgeChecks({
      pool,
      configured: config.EDGE_URLS,
      send:
        config.PUSH_KEYS === undefined
          ? undefined
          : makeSend({
              keyOf: makeKeyOf(config.PUSH_KEYS, config.EDGE_KEY_NAMES),
              now: Date.now,
              newNonce: randomUUID,
            }),
      readHead: () => currentHead(pool, null),
      nowMs: Date.now,
    }),
    ...(has("ingest") || has("fold") ? spanLogChecks(spanLog) : []),
    leftStreamsCheck(unreadStreams),
    ...ingestChecks({
      metrics,
      token: config.INGEST_TOKEN,
      host: config.ORIGIN_HOST,
      countIngestTokens: () => countIngestTokens(pool),
      lagSeconds: (fold ?? lag).lagSeconds,
    }),
    ...notificationChecks({ pool }),
    ...rawSpanChecks({ pool, isConfigured: config.CLICKHOUSE_URL !== undefined }),
    ...evaluationChecks({ pool, aggregates, nowMs: Date.now, rawKeepDays: config.RAW_KEEP_DAYS }),
    ...accessChecks({
      pool,
      secrets: {
        ADMIN_TOKEN: [config.ADMIN_TOKEN ?? []].flat(),
        INGEST_TOKEN: [config.INGEST_TOKEN ?? []].flat(),
        METRICS_TOKEN: [config.METRICS_TOKEN ?? []].flat(),
        OIDC_CLIENT_SECRET: [config.OIDC_CLIENT_SECRET ?? []].flat(),
        PSEUDONYM_KEYS: (config.PSEUDONYM_KEYS ?? []).map(({ secret }) => secret),
        PUSH_KEYS: (config.PUSH_KEYS ?? []).map(({ secret }) => secret),
        PREVIEW_KEYS: (config.PREVIEW_KEYS ?? []).map(({ secret }) => secret),
        SESSION_KEYS: (config.SESSION_KEYS ?? []).map(({ secret }) => secret),
      },
    }),
  ],
};
const features = makeFeatureReads({ pool, history });

const people = {
  access,
  sessions: makeSessions({ pool, keys: config.SESSION_KEYS ?? makeSessionKeys(), adminToken }),
  cookies: makePageCookies(publicUrl),
  limits: makeRequestLimits({ addressOf: makeAddressOf(config.TRUSTED_PROXIES) }),
  publicUrl,
  log,
};
const providerSettings = has("admin") ? providerOf(config) : null;
const startSignInAt = async (settings: ProviderSettings) => {
  const [{ startProvider }, { makeProviderPages }] = await Promise.all([
    import("./sign-in/provider.ts"),
    import("./sign-in/provider-pages.ts"),
  ]);
  const started = startProvider({ settings, nowMs: () => performance.now(), log });
  return { pages: makeProviderPages(started), stop: started.stop };
};
const provider = providerSettings === null ? undefined : await startSignInAt(providerSettings);

const forgetPool = makeStagePool({
  applicationName: "sluice-forget",
  max: 1,
  queryTimeoutMs: FORGET_TIMEOUT_MS,
});
const app = makeHttpApp({
  metrics,
  log,
  instance,
  version: packageJson.version,
  publicUrl,
  metricsToken: config.METRICS_TOKEN,
  notReady,
  adminApi: has("admin")
    ? makeAdminApi({
        ...people,
        idempotentAnswers: makeIdempotentAnswers(pool),
        changes,
        approvals,
        features,
        segments: makeSegmentReads(pool),
        segmentChanges: makeSegmentChanges({ pool, newId: randomUUID }),
        schedules,
        annotations: makeAnnotations(pool),
        // A scan of large tables takes longer than a request of the others may.
        forgetUnit: makeForgetUnit({
          pools: () => [
            forgetPool,
            ...aggregateDatabases.all.filter(({ name }) => name !== MAIN).map((other) => other.pool()),
          ],
          pseudonyms,
          unfoldedSeconds: async () =>
            spanLog.reader.unfoldedSeconds(await readPositionsOfAll(pool, aggregateDatabases.all)),
        }),
        previewLinks:
          config.PREVIEW_KEYS === undefined
            ? null
            : makePreviewLinks({ key: config.PREVIEW_KEYS[0], site: config.EDGE_URLS[0] ?? null }),
        evaluation: evaluationReads,
        delivery: makeDeliveryReads({ pool, keys: config.PUSH_KEYS, nowMs: Date.now }),
        notifications: makeNotificationTargets({
          pool,
          send: sendMessage,
          allowed: notifyAllowed,
          canMail: mailServer !== null,
          environment: ownTargets,
          nowMs: Date.now,
        }),
        health,
        hooks: makeHooks({
          pool,
          features,
          changes,
          alerts: metrics.hookAlerts,
          nowS: () => Date.now() / 1_000,
          log,
        }),
        stopping: stopping.signal,
      })
    : undefined,
  agentRoutes: (ask) =>
    makeAgentRoutes({
      app: ask,
      place: { isLocal: isLoopback(config.ORIGIN_HOST), publicUrl },
      log,
    }),
  signIn: has("admin") ? makeSignInApp(people, provider?.pages) : undefined,
  consolePages: has("admin")
    ? makeConsolePages(config.CONSOLE_DIR ?? fileURLToPath(new URL("../console/dist", import.meta.url)))
    : undefined,
});
const listener = getRequestListener(app.fetch);
const server = makeHttpServer((request, response) => {
  if (ingest?.takes(request) === true) ingest.handle(request, response);
  else void listener(request, response);
});

// Ended in this order: first what brings work, then what carries it out. Requests under way find all stages running.
const parts = [
  { stop: () => server.drain(config.DRAIN_MS) },
  streams,
  server,
  provider,
  ingest,
  fold,
  rawSpans,
  leftStreams,
  lag,
  seriesUpkeep,
  upkeep,
  spanLog,
  evaluation,
  notifications,
  timetable,
  weeklyReview,
  finishing,
  delivery,
  tracing,
  aggregateDatabases,
  database,
].filter((part) => part !== undefined);
keepMemorySmall();
await server
  .listen({ host: config.ORIGIN_HOST, port: config.ORIGIN_PORT })
  .catch((error: unknown) =>
    shutdown.giveUp(parts, `ORIGIN_PORT cannot be listened on: ${errorText(error)}`, 2),
  );
// Whoever started this process asks /readyz, where another program may answer.
process.send?.({ instance });
log.info(
  { version: packageJson.version, port: config.ORIGIN_PORT, roles: config.ROLES },
  "the origin is ready",
);
shutdown.ready(parts);
