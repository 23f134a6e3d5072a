// The role `push`: the push thread, and beside it the removal of old deliveries and the report of rollbacks that have
// not arrived.
import type { Config } from "../environment/variables.ts";
import type { Pool } from "../db/pool.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import { reportBehind } from "./edges/edge-metrics.ts";
import { makeCompletionMonitor, type AnnounceUnconfirmed } from "./completion-monitor.ts";
import { pruneDelivered } from "./outbox/prune.ts";
import { reportOutbox } from "./outbox/read-outbox.ts";
import { startPush } from "./push-thread.ts";

const PRUNE_EVERY_MS = 3_600_000;
const CHECK_COMPLETION_EVERY_MS = 5_000;

export type Delivery = {
  /** The push thread listens for changes and sends those that were committed before it started. */
  readonly isReady: () => boolean;
  /** Names what keeps it from hearing of changes at once; empty while it hears of them. */
  readonly notListening: () => readonly string[];
  /** Pushes the last committed change first. */
  readonly stop: () => Promise<void>;
};

export const startDelivery = (options: {
  databaseUrl: string;
  pool: Pool;
  config: Pick<
    Config,
    "REDIS_URL" | "EDGE_URLS" | "EDGE_KEY_NAMES" | "PUSH_KEYS" | "LOG_LEVEL" | "OTEL_EXPORTER_OTLP_ENDPOINT"
  >;
  announce: AnnounceUnconfirmed;
  metrics: Metrics;
  log: Logger;
}): Delivery => {
  const { databaseUrl, pool, config, announce, metrics, log } = options;
  const push = startPush(
    {
      databaseUrl,
      redisUrls: config.REDIS_URL ?? null,
      edgeUrls: config.EDGE_URLS,
      pushKeys: config.PUSH_KEYS ?? null,
      edgeKeyNames: config.EDGE_KEY_NAMES,
      logLevel: config.LOG_LEVEL,
      otlpEndpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    },
    { metrics, logger: log },
  );
  const pruning = startPeriodicTask({
    everyMs: PRUNE_EVERY_MS,
    run: () => pruneDelivered(pool),
    onError: (error) =>
      log.warn({ err: error }, "old deliveries could not be removed; it is tried again in an hour"),
  });
  const reportIncomplete = makeCompletionMonitor({ pool, announce, metrics, log });
  const completion = startPeriodicTask({
    firstAfterMs: 0,
    everyMs: CHECK_COMPLETION_EVERY_MS,
    run: async () => {
      await reportIncomplete();
      await reportOutbox(pool, metrics);
      await reportBehind(pool, metrics);
    },
    onError: (error) =>
      log.error({ err: error }, "could not check whether rollbacks are complete; it is tried again in 5 s"),
  });
  return {
    isReady: push.isReady,
    notListening: push.notListening,
    stop: async () => {
      await completion.stop();
      await pruning.stop();
      await push.stop();
    },
  };
};
