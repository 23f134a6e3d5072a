// Sends the spool of one database to the column store, batch by batch, each until it is stored. Any number of processes send from
// one spool.
import { gunzip } from "node:zlib";
import { promisify } from "node:util";
import type { Pool } from "../../db/pool.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import { makeInterruptibleSleep } from "../../runtime/interruptible-sleep.ts";
import type { ErrorLog, WarningLog } from "../../runtime/log.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import { startPeriodicTask } from "../../runtime/periodic-task.ts";
import type { ColumnStore } from "./clickhouse.ts";
import { makeSpoolOutage } from "./spool-outage.ts";
import type { SpoolPool } from "./spool-pool.ts";
import {
  claimBatch,
  layAside,
  readSpool,
  removeBatch,
  splitBatch,
  tryBatchAgain,
  type Batch,
} from "./spool-rows.ts";

const unpack = promisify(gunzip);
const POLL_MS = 500;
const REPORT_EVERY_MS = 5_000;
const RETRY = { firstMs: 250, mostMs: 30_000 };

export type SpoolMetrics = Pick<
  Metrics,
  "rawSpansSent" | "rawSpansWaiting" | "rawSpansWaitingBytes" | "rawSpansAgeSeconds" | "rawSpansDead"
>;

export type SpoolSender = { readonly stop: () => Promise<void> };

/** `pool` is its own, and ends with it; so does `store`. `nowMs`: a monotonic clock. */
export const startSpoolSender = (options: {
  database: string;
  pool: SpoolPool;
  store: ColumnStore;
  metrics: SpoolMetrics;
  nowMs: () => number;
  log: WarningLog & ErrorLog;
}): SpoolSender => {
  const { database, pool: spool, store, metrics, nowMs, log } = options;
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();
  const outage = makeSpoolOutage(database, log);
  let failures = 0;

  const spansOf = ({ rows }: Batch): number => rows.reduce((sum, { spans }) => sum + spans, 0);

  /** Whether the column store has taken the batch, or will never. */
  const send = async (pool: Pool, batch: Batch): Promise<boolean> => {
    const lines = Buffer.concat(await Promise.all(batch.rows.map((row) => unpack(row.lines))));
    const inserted = await store.insert(batch.name, lines);
    switch (inserted.kind) {
      case "stored":
        await removeBatch(pool, batch);
        metrics.rawSpansSent.inc(spansOf(batch));
        if (failures > 0) log.warn({ database, failures }, "the column store takes spans again");
        failures = 0;
        return true;
      case "unreadable":
        if (batch.rows.length > 1) {
          await splitBatch(pool, batch, inserted.error);
          return true;
        }
        await layAside(pool, batch, inserted.error);
        log.error(
          { database, batch: batch.name, spans: spansOf(batch), error: inserted.error },
          "the column store cannot read these spans; they are kept in raw_span_spool (dead_at) and not sent again. Compare its table with deploy/clickhouse/otel_spans.sql",
        );
        return true;
      case "failed":
        failures += 1;
        await tryBatchAgain(pool, batch, { pauseMs: backoffMs(failures, RETRY), error: inserted.error });
        if (failures === 1)
          log.warn(
            { database, error: inserted.error },
            "the column store does not take spans; they wait in raw_span_spool, and are sent again until it does",
          );
        return false;
    }
  };

  const running = (async () => {
    while (!stopping.signal.aborted) {
      let isReached = true;
      try {
        const pool = await spool.get();
        const batch = await claimBatch(pool);
        const isSent = batch !== null && (await send(pool, batch));
        outage.worked("send");
        if (isSent) continue;
      } catch (error) {
        isReached = false;
        spool.doubt();
        if (!stopping.signal.aborted) outage.failed("send", error);
      }
      // One batch at a time: while the column store is away, others would fail too.
      await pause.sleep(isReached && failures > 0 ? backoffMs(failures, RETRY) : POLL_MS);
    }
  })();

  /** What was seen last: all that is known while the database is away. */
  let last = { ageSeconds: 0, atMs: nowMs() };
  const report = startPeriodicTask({
    firstAfterMs: 0,
    everyMs: REPORT_EVERY_MS,
    run: async () => {
      const { waitingSpans, waitingBytes, ageSeconds, deadSpans } = await readSpool(await spool.get());
      last = { ageSeconds, atMs: nowMs() };
      metrics.rawSpansWaiting.set({ database }, waitingSpans);
      metrics.rawSpansWaitingBytes.set({ database }, waitingBytes);
      metrics.rawSpansAgeSeconds.set({ database }, ageSeconds);
      metrics.rawSpansDead.set({ database }, deadSpans);
      outage.worked("measure");
    },
    onError: (error) => {
      // Nobody can tell whether anything is sent from there, so it grows older.
      metrics.rawSpansAgeSeconds.set({ database }, last.ageSeconds + (nowMs() - last.atMs) / 1_000);
      if (!stopping.signal.aborted) outage.failed("measure", error);
    },
  });

  return {
    stop: async () => {
      stopping.abort();
      pause.interrupt();
      await running;
      await report.stop();
      await store.stop();
      await spool.end();
    },
  };
};
