// The role `ingest`: takes telemetry over OTLP/HTTP, counts requests of bots, and records a heartbeat every two seconds.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access } from "../access/make-access.ts";
import type { Config } from "../environment/variables.ts";
import type { Database } from "../db/open-database.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import type { OpenSpanLog } from "../span-log/open-span-log.ts";
import type { PseudonymKeys } from "../span-log/pseudonyms/pseudonym-keys.ts";
import { makeUncountedSpans } from "../span-log/uncounted.ts";
import { HEARTBEAT_EVERY_MS, OUTAGE_LATENESS_SECONDS, recordHeartbeat } from "../span-log/heartbeat.ts";
import { makeBotRequestCounter } from "./bot-request-counter.ts";
import { makeFeatureDirectory } from "./feature-directory.ts";
import { makeMayIngest } from "./may-ingest.ts";
import { makeOtlpHandler } from "./otlp-handler.ts";
import { makeSeenRegions } from "./seen-regions.ts";
import { isMetricsPath, signalOf } from "./otlp-request.ts";

export type Ingest = {
  /** Whether the request is telemetry. */
  readonly takes: (request: IncomingMessage) => boolean;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** Stores all that was accepted. Requests must have ended. */
  readonly stop: () => Promise<void>;
};

export const startIngest = (options: {
  makeStagePool: Database["makeStagePool"];
  spanLog: Pick<OpenSpanLog, "append">;
  config: Pick<
    Config,
    "RAW_SAMPLE_BPS" | "RAW_SLOW_MS" | "CAPTCHA_THRESHOLD" | "INGEST_TOKEN" | "ORIGIN_HOST"
  >;
  access: Pick<Access, "principalOf">;
  pseudonyms: Pick<PseudonymKeys, "of">;
  metrics: Metrics;
  log: Logger;
}): Ingest => {
  const { makeStagePool, config, access, pseudonyms, metrics, log } = options;
  const pool = makeStagePool({ applicationName: "sluice-ingest", max: 2 });
  const spanLog = options.spanLog.append(pool, (records) => {
    metrics.lostRecords.inc({ counted: records === null ? "no" : "yes" }, records ?? 1);
    log.error(
      { records },
      `ALERT: the database lacks ${records ?? "an unknown number of"} records of telemetry that this process had acknowledged, as after the promotion of ` +
        "a standby that lagged; evidence is smaller by them and not wrong. Let a synchronous standby be promoted",
    );
  });
  const botRequests = makeBotRequestCounter(pool);
  const directory = makeFeatureDirectory({ db: pool, pseudonyms, nowMs: () => performance.now() });
  const uncounted = makeUncountedSpans();
  const regions = makeSeenRegions(pool, metrics);
  const writeCounts = async (): Promise<void> => {
    await botRequests.write();
    await uncounted.write(pool);
  };
  const onCountsError = (error: unknown) =>
    log.warn(
      { err: error },
      "the counts of bot requests and of spans that can never count could not be stored; they are tried again in 1 s",
    );
  const countsWriter = startPeriodicTask({ everyMs: 1_000, run: writeCounts, onError: onCountsError });
  const onHeartbeatError = (error: unknown) =>
    log.warn(
      { err: error },
      "the heartbeat of ingest and its regions could not be stored; they are tried again in 2 s",
    );
  const heartbeat = startPeriodicTask({
    everyMs: HEARTBEAT_EVERY_MS,
    run: async () => {
      const outageSeconds = await recordHeartbeat(pool);
      if (outageSeconds > 0)
        log.warn(
          { outageSeconds },
          `ingest was down for ${Math.round(outageSeconds)} s; late telemetry is accepted for ` +
            `${OUTAGE_LATENESS_SECONDS} s before evaluation resumes`,
        );
      await regions.write();
    },
    onError: onHeartbeatError,
  });
  return {
    takes: ({ url = "" }) => signalOf(url) !== undefined || isMetricsPath(url),
    handle: makeOtlpHandler({
      log: spanLog,
      directory,
      bots: botRequests,
      uncounted,
      regions,
      raw: { sampleBps: config.RAW_SAMPLE_BPS, slowMs: config.RAW_SLOW_MS },
      captchaThreshold: config.CAPTCHA_THRESHOLD,
      mayIngest: makeMayIngest({ token: config.INGEST_TOKEN, host: config.ORIGIN_HOST, access }),
      metrics,
      logger: log,
    }),
    stop: async () => {
      await heartbeat.stop();
      await spanLog.stop();
      await countsWriter.stop();
      await writeCounts().catch(onCountsError);
      await regions.write().catch(onHeartbeatError);
      await pool.end();
    },
  };
};
