// Runs ingest and fold in this process.
import { createServer } from "node:http";
import { startTableUpkeep } from "../../origin/aggregate/table-upkeep.ts";
import { readAllPositions } from "../../origin/aggregate/checkpoints.ts";
import { startFold } from "../../origin/aggregate/fold-thread.ts";
import { makeFeatureDirectory } from "../../origin/ingest/feature-directory.ts";
import { makeBotRequestCounter } from "../../origin/ingest/bot-request-counter.ts";
import { makeSeenRegions } from "../../origin/ingest/seen-regions.ts";
import { makeAccess } from "../../origin/access/make-access.ts";
import { makeMayIngest } from "../../origin/ingest/may-ingest.ts";
import { makeOtlpHandler } from "../../origin/ingest/otlp-handler.ts";
import { makeLogger, type ErrorLog, type WarningLog } from "../../origin/runtime/log.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { makePseudonymKeys } from "../../origin/span-log/pseudonyms/pseudonym-keys.ts";
import { makeUncountedSpans } from "../../origin/span-log/uncounted.ts";
import type { JetStreamSettings } from "../../origin/span-log/jetstream/settings.ts";
import { openSpanLog } from "../../origin/span-log/open-span-log.ts";
import { asServiceRole } from "../../origin/db/service-role.ts";
import { makePool, type Pool } from "../../origin/db/pool.ts";
import type { TestDatabase } from "./database.ts";
import { listenOnLoopback } from "./listen.ts";
import { jsonRequest, type TestSpan } from "./otlp-spans.ts";

export const createFeature = async (
  { pool }: TestDatabase,
  featureId: string,
  rule?: object,
): Promise<void> => {
  await pool.query(
    "insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ($1, true, 9000, 1000, 1)",
    [featureId],
  );
  if (rule !== undefined)
    await pool.query("insert into pmf_rules (feature_id, rule) values ($1, $2)", [featureId, rule]);
};

export const waitFor = async <T>(
  look: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`the awaited state did not come within ${timeoutMs} ms`);
    await new Promise((wake) => setTimeout(wake, 25));
  }
};

export const INGEST_TOKEN = "test-ingest-token-0001";

/** Ingest over real HTTP and the fold's thread, on a test's own database. `logPool`: connections of the log alone. */
export const startTelemetry = async (
  database: TestDatabase,
  options: {
    fold?: boolean;
    upkeep?: boolean;
    maxPendingBytes?: number;
    logPool?: Pool;
    /** JetStream, in place of PostgreSQL's log */
    spanLog?: JetStreamSettings;
    /** by their ids, as the senders wrote them: most tests look units up by name */
    unitIds?: "raw" | "pseudonymous";
    foldLog?: ErrorLog & WarningLog;
    aggregateDatabases?: readonly { readonly name: string; readonly url: string }[];
  } = {},
) => {
  const logger = makeLogger("silent");
  const metrics = makeMetrics();
  const spanLog = await openSpanLog({
    settings: options.spanLog ?? null,
    name: "sluice-test",
    pool: database.pool,
    onProblem: () => {},
  });
  await spanLog.check();
  const log = spanLog.append(options.logPool ?? database.pool);
  const directory = makeFeatureDirectory({
    db: database.servicePool,
    pseudonyms: makePseudonymKeys({
      db: database.servicePool,
      keys: undefined,
      naming: options.unitIds ?? "raw",
    }),
    nowMs: () => performance.now(),
  });
  const bots = makeBotRequestCounter(database.pool);
  const uncounted = makeUncountedSpans();
  const regions = makeSeenRegions(database.pool, metrics);
  const handler = makeOtlpHandler({
    log,
    directory,
    bots,
    uncounted,
    regions,
    raw: { sampleBps: 10_000, slowMs: 1_000 },
    captchaThreshold: 0.5,
    ...(options.maxPendingBytes === undefined ? {} : { maxPendingBytes: options.maxPendingBytes }),
    mayIngest: makeMayIngest({
      token: INGEST_TOKEN,
      host: "127.0.0.1",
      access: makeAccess({
        pool: database.pool,
        adminToken: undefined,
        nowMs: () => performance.now(),
        log: logger,
      }),
    }),
    metrics,
    logger,
  });
  const server = createServer(handler);
  const { url } = await listenOnLoopback(server);
  const fold =
    options.fold === false
      ? undefined
      : startFold({
          // With its own rights in all databases, as an origin has.
          databaseUrl: options.aggregateDatabases === undefined ? database.url : asServiceRole(database.url),
          spanLog: options.spanLog ?? null,
          aggregateDatabases: options.aggregateDatabases ?? [],
          logger: options.foldLog ?? logger,
          metrics,
          unitSlots: 2 ** 18,
        });
  const upkeep =
    options.upkeep === false
      ? undefined
      : startTableUpkeep({
          pool: makePool(database.url, { applicationName: "sluice-upkeep", max: 1, onIdleError: () => {} }),
          spanLog,
          rawKeepDays: 62,
          unitKeepDays: 180,
          metrics,
          log: logger,
        });

  const send = async (
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(url + path, {
      method: "POST",
      body,
      headers: { authorization: `Bearer ${INGEST_TOKEN}`, "content-type": "application/json", ...headers },
    });

  return {
    url,
    metrics,
    bots,
    /** Stores how many spans were rejected, of which features. */
    writeUncounted: () => uncounted.write(database.pool),
    writeRegions: () => regions.write(),
    fold,
    send,
    sendSpans: async (spans: readonly TestSpan[]): Promise<void> => {
      const response = await send("/v1/traces", JSON.stringify(jsonRequest(spans)));
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    },
    /** Waits until everything acknowledged is folded. */
    folded: async (): Promise<void> => {
      await waitFor(async () => {
        if (options.spanLog !== undefined)
          return (await spanLog.reader.unfoldedSeconds(await readAllPositions(database.pool))) === 0;
        const { rows } = await database.pool.query<{ open: boolean }>(
          `select exists (select from span_log l left join fold_checkpoints c using (partition, writer)
             where l.seq > coalesce(c.seq, 0)) as open`,
        );
        return rows[0]?.open === false;
      });
    },
    stop: async (): Promise<void> => {
      server.close();
      server.closeAllConnections();
      await log.stop();
      await spanLog.stop();
      await fold?.stop();
      await upkeep?.stop();
    },
  };
};
export type TestTelemetry = Awaited<ReturnType<typeof startTelemetry>>;
