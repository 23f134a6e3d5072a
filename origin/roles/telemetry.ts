// The roles ingest and fold: from an acknowledged request to counts. Every process knows how far the fold is.
import { countIngestTokens } from "../access/access-health.ts";
import { readPositionsOfAll } from "../aggregate/checkpoints.ts";
import { startFold } from "../aggregate/fold-thread.ts";
import { startLagMonitor } from "../aggregate/lag-monitor.ts";
import { watchLeftStreams } from "../aggregate/left-streams.ts";
import { connectClickHouse } from "../aggregate/raw-spans/clickhouse.ts";
import { startSpoolSenders } from "../aggregate/raw-spans/send-spools.ts";
import { startTableUpkeep } from "../aggregate/table-upkeep.ts";
import { isReachable, spanLogOf } from "../environment/settings.ts";
import { startIngest } from "../ingest/start-ingest.ts";
import { errorText } from "../runtime/error-text.ts";
import { fixPartitions, PartitionsFixed } from "../span-log/fix-partitions.ts";
import { openSpanLog } from "../span-log/open-span-log.ts";
import { makePseudonymKeys, PseudonymKeyError } from "../span-log/pseudonyms/pseudonym-keys.ts";
import type { Access } from "./access.ts";
import type { Databases } from "./databases.ts";
import type { OriginProcess } from "./process.ts";

export type Telemetry = Awaited<ReturnType<typeof startTelemetry>>;

const openPseudonyms = async ({ config, shutdown }: OriginProcess, { main }: Databases) => {
  const pseudonyms = makePseudonymKeys({
    db: main.pool,
    keys: config.PSEUDONYM_KEYS,
    naming: config.UNIT_IDS,
  });
  await pseudonyms
    .verify()
    .catch((error: unknown) =>
      shutdown.giveUp(
        [main],
        error instanceof PseudonymKeyError ? error.message : `pseudonyms: ${errorText(error)}`,
        error instanceof PseudonymKeyError ? 2 : 1,
      ),
    );
  return pseudonyms;
};

/** Its senders see a 401 each; here nothing fails. */
const warnOfRefusal = async ({ config, log }: OriginProcess, { main }: Databases): Promise<void> => {
  if (config.INGEST_TOKEN !== undefined || !isReachable(config)) return;
  if ((await countIngestTokens(main.pool)) > 0) return;
  log.warn(
    "telemetry from other machines is refused: INGEST_TOKEN is not set, and no API token has the scope ingest. " +
      "Set INGEST_TOKEN here and at the Worker, or make a token with `npx sluice tokens create NAME --scope ingest`",
  );
};

const openLog = async ({ config, log, shutdown, has }: OriginProcess, { main }: Databases) => {
  await fixPartitions(main.pool, config.SPAN_LOG_PARTITIONS).catch((error: unknown) =>
    shutdown.giveUp(
      [main],
      error instanceof PartitionsFixed ? error.message : `the number of partitions: ${errorText(error)}`,
      error instanceof PartitionsFixed ? 2 : 1,
    ),
  );
  const spanLog = await openSpanLog({
    settings: spanLogOf(config),
    name: `sluice ${config.ROLES.join(",")}`,
    pool: main.pool,
    onProblem: (problem) => log.warn({ problem }, "the span log has a problem; it is tried again"),
    onWarning: ({ summary, todo }) => log.warn({ todo }, summary),
  });
  if (has("ingest") || has("fold"))
    await spanLog
      .check()
      .catch((error: unknown) =>
        shutdown.giveUp([spanLog, main], `the span log cannot be used: ${errorText(error)}`, 2),
      );
  // The doctor asks a process with this role.
  else if (has("admin")) spanLog.follow();
  return spanLog;
};

const startRawSpans = async (
  { config, log, metrics, has }: OriginProcess,
  { main, aggregates }: Databases,
) => {
  const { CLICKHOUSE_URL: url, CLICKHOUSE_USER: user, CLICKHOUSE_PASSWORD: password } = config;
  if (!has("fold") || url === undefined) return undefined;
  return startSpoolSenders({
    databases: aggregates.all,
    main: main.pool,
    connect: () => connectClickHouse({ url, user, password }),
    metrics,
    log,
  });
};

export const startTelemetry = async ({
  origin,
  databases,
  access,
}: {
  readonly origin: OriginProcess;
  readonly databases: Databases;
  readonly access: Access;
}) => {
  const { config, log, metrics, has } = origin;
  const { pool, url: databaseUrl, makeStagePool } = databases.main;
  const { all } = databases.aggregates;
  const pseudonyms = await openPseudonyms(origin, databases);
  const spanLog = await openLog(origin, databases);
  if (has("ingest")) await warnOfRefusal(origin, databases);
  const ingest = has("ingest")
    ? startIngest({ makeStagePool, spanLog, config, access, pseudonyms, metrics, log })
    : undefined;
  const upkeep =
    has("ingest") || has("fold")
      ? startTableUpkeep({
          // The second is for the one that finishes moves.
          pool: makeStagePool({ applicationName: "sluice-upkeep", max: all.length > 1 ? 2 : 1 }),
          databases: all,
          spanLog,
          rawKeepDays: config.RAW_KEEP_DAYS,
          unitKeepDays: config.UNIT_KEEP_DAYS,
          metrics,
          log,
        })
      : undefined;
  const unreadStreams = { pool, databases: all, own: spanLog.streamNames, nowMs: Date.now };
  const leftStreams = watchLeftStreams({ ...unreadStreams, log });
  const lag = startLagMonitor({
    pool,
    databases: all,
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
  const rawSpans = await startRawSpans(origin, databases);
  return {
    pseudonyms,
    spanLog,
    ingest,
    upkeep,
    unreadStreams,
    leftStreams,
    lag,
    fold,
    rawSpans,
    unfoldedSeconds: async () => spanLog.reader.unfoldedSeconds(await readPositionsOfAll(pool, all)),
  };
};
