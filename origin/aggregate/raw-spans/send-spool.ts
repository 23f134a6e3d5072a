// Sends the spool to the column store, batch by batch, each until it is stored. Any number of processes send from one spool.
import { gunzip } from "node:zlib";
import { promisify } from "node:util";
import type { Pool } from "../../db/pool.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import { errorText } from "../../runtime/error-text.ts";
import { makeInterruptibleSleep } from "../../runtime/interruptible-sleep.ts";
import type { ErrorLog, WarningLog } from "../../runtime/log.ts";
import type { Metrics } from "../../runtime/metrics.ts";
import { startPeriodicTask } from "../../runtime/periodic-task.ts";
import type { ColumnStore } from "./clickhouse.ts";
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

type SpoolMetrics = Pick<
  Metrics,
  "rawSpansSent" | "rawSpansWaiting" | "rawSpansWaitingBytes" | "rawSpansAgeSeconds" | "rawSpansDead"
>;

export type SpoolSender = { readonly stop: () => Promise<void> };

/** `pool` is its own, and ends with it; so does `store`. */
export const startSpoolSender = (options: {
  pool: Pool;
  store: ColumnStore;
  metrics: SpoolMetrics;
  log: WarningLog & ErrorLog;
}): SpoolSender => {
  const { pool, store, metrics, log } = options;
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();
  let failures = 0;

  const spansOf = ({ rows }: Batch): number => rows.reduce((sum, { spans }) => sum + spans, 0);

  /** Whether the column store has taken the batch, or will never. */
  const send = async (batch: Batch): Promise<boolean> => {
    const lines = Buffer.concat(await Promise.all(batch.rows.map((row) => unpack(row.lines))));
    const inserted = await store.insert(batch.name, lines);
    switch (inserted.kind) {
      case "stored":
        await removeBatch(pool, batch);
        metrics.rawSpansSent.inc(spansOf(batch));
        if (failures > 0) log.warn({ failures }, "the column store takes spans again");
        failures = 0;
        return true;
      case "unreadable":
        if (batch.rows.length > 1) {
          await splitBatch(pool, batch, inserted.error);
          return true;
        }
        await layAside(pool, batch, inserted.error);
        log.error(
          { batch: batch.name, spans: spansOf(batch), error: inserted.error },
          "the column store cannot read these spans; they are kept in raw_span_spool (dead_at) and not sent again. Compare its table with deploy/clickhouse/otel_spans.sql",
        );
        return true;
      case "failed":
        failures += 1;
        await tryBatchAgain(pool, batch, { pauseMs: backoffMs(failures, RETRY), error: inserted.error });
        if (failures === 1)
          log.warn(
            { error: inserted.error },
            "the column store does not take spans; they wait in raw_span_spool, and are sent again until it does",
          );
        return false;
    }
  };

  const running = (async () => {
    let isFailing = false;
    while (!stopping.signal.aborted) {
      try {
        const batch = await claimBatch(pool);
        isFailing = false;
        if (batch !== null && (await send(batch))) continue;
      } catch (error) {
        if (!isFailing)
          log.warn(
            { error: errorText(error) },
            "raw_span_spool could not be read or changed; it is tried again",
          );
        isFailing = true;
      }
      // One batch at a time: while the column store is away, others would fail too.
      await pause.sleep(failures > 0 ? backoffMs(failures, RETRY) : POLL_MS);
    }
  })();

  const report = startPeriodicTask({
    firstAfterMs: 0,
    everyMs: REPORT_EVERY_MS,
    run: async () => {
      const { waitingSpans, waitingBytes, ageSeconds, deadSpans } = await readSpool(pool);
      metrics.rawSpansWaiting.set(waitingSpans);
      metrics.rawSpansWaitingBytes.set(waitingBytes);
      metrics.rawSpansAgeSeconds.set(ageSeconds);
      metrics.rawSpansDead.set(deadSpans);
    },
    onError: (error) =>
      log.warn({ error: errorText(error) }, "raw_span_spool could not be measured; it is tried again in 5 s"),
  });

  return {
    stop: async () => {
      stopping.abort();
      pause.interrupt();
      await running;
      await report.stop();
      await store.stop();
      await pool.end();
    },
  };
};
