// Whether this process may be asked, and what the doctor says of the whole installation.
import { randomUUID } from "node:crypto";
import { accessChecks, countIngestTokens } from "../access/access-health.ts";
import { foldBehind } from "../aggregate/fold-behind.ts";
import { leftStreamsCheck } from "../aggregate/left-streams.ts";
import { rawSpanChecks } from "../aggregate/raw-spans/raw-span-health.ts";
import { databaseChecks } from "../db/database-health.ts";
import { redisCheck } from "../db/redis-health.ts";
import { edgeChecks } from "../delivery/edges/edge-health.ts";
import { makeKeyOf } from "../delivery/edges/push-key.ts";
import { makeSend } from "../delivery/edges/send-push.ts";
import { evaluationChecks } from "../evaluate/evaluation-health.ts";
import { isReachable } from "../environment/settings.ts";
import { currentHead } from "../features/read-snapshot.ts";
import { ingestChecks } from "../ingest/ingest-health.ts";
import { notificationChecks } from "../notifications/upkeep.ts";
import { storedSecretChecks } from "../runtime/secrets-upkeep.ts";
import { pseudonymCheck } from "../span-log/pseudonyms/pseudonym-health.ts";
import { spanLogChecks } from "../span-log/span-log-health.ts";
import type { Databases } from "./databases.ts";
import type { Evaluate } from "./evaluate.ts";
import type { OriginProcess } from "./process.ts";
import type { Push } from "./push.ts";
import type { Secrets } from "./secrets.ts";
import type { Telemetry } from "./telemetry.ts";

export type Health = ReturnType<typeof makeHealth>;

const secretsOf = ({ config }: OriginProcess): Readonly<Record<string, readonly string[]>> => ({
  ADMIN_TOKEN: [config.ADMIN_TOKEN ?? []].flat(),
  INGEST_TOKEN: [config.INGEST_TOKEN ?? []].flat(),
  METRICS_TOKEN: [config.METRICS_TOKEN ?? []].flat(),
  OIDC_CLIENT_SECRET: [config.OIDC_CLIENT_SECRET ?? []].flat(),
  ENCRYPTION_KEYS: (config.ENCRYPTION_KEYS ?? []).map(({ secret }) => secret),
  PSEUDONYM_KEYS: (config.PSEUDONYM_KEYS ?? []).map(({ secret }) => secret),
  PUSH_KEYS: (config.PUSH_KEYS ?? []).map(({ secret }) => secret),
  PREVIEW_KEYS: (config.PREVIEW_KEYS ?? []).map(({ secret }) => secret),
  SESSION_KEYS: (config.SESSION_KEYS ?? []).map(({ secret }) => secret),
});

export const makeHealth = ({
  origin,
  databases: { main, aggregates: databases },
  telemetry,
  evaluate: { aggregates, evaluation },
  push: { delivery },
  secrets: { holders, secrets },
}: {
  readonly origin: OriginProcess;
  readonly databases: Databases;
  readonly telemetry: Telemetry;
  readonly evaluate: Evaluate;
  readonly push: Push;
  readonly secrets: Secrets;
}) => {
  const { spanLog, upkeep, unreadStreams, lag, fold } = telemetry;
  const { config, metrics, shutdown, version, has } = origin;
  const { pool } = main;
  const usesSpanLog = has("ingest") || has("fold");
  const notReady = async (): Promise<readonly string[]> => [
    ...(shutdown.hasBegun() ? ["process: it is being stopped"] : []),
    ...(await main.notReady()),
    ...(usesSpanLog ? spanLog.notReady() : []),
    ...(upkeep?.notReady() ?? []),
    ...(fold?.notReady() ?? []),
    ...(fold === undefined ? [] : foldBehind(fold.lagSeconds(), { takesTelemetry: has("ingest") })),
    ...(delivery?.isReady() === false ? ["push: its thread is starting"] : []),
    // Turned away, telemetry would be lost, and neither would come back the sooner.
    ...(has("ingest") ? [] : [...(evaluation?.notReady() ?? []), ...(delivery?.notListening() ?? [])]),
  ];
  const checks = [
    ...databaseChecks({ ...main, nowMs: Date.now }),
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
    ...(usesSpanLog || spanLog.streams !== null ? spanLogChecks(spanLog) : []),
    leftStreamsCheck(unreadStreams),
    pseudonymCheck(pool, telemetry.pseudonyms),
    ...ingestChecks({
      metrics,
      token: config.INGEST_TOKEN,
      host: config.ORIGIN_HOST,
      countIngestTokens: () => countIngestTokens(pool),
      lagSeconds: (fold ?? lag).lagSeconds,
    }),
    ...notificationChecks({ pool }),
    ...rawSpanChecks({ databases: databases.all, isConfigured: config.CLICKHOUSE_URL !== undefined }),
    ...evaluationChecks({ pool, aggregates, nowMs: Date.now, rawKeepDays: config.RAW_KEEP_DAYS }),
    ...storedSecretChecks(holders, secrets),
    ...accessChecks({ pool, secrets: secretsOf(origin), isReachable: isReachable(config) }),
  ];
  return { version, notReady, checks };
};
