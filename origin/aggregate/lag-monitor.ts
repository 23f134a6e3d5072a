// How far the fold is behind, whoever folds: what is acknowledged and not folded, asked of the database.
import type { Pool } from "../db/pool.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import type { SpanLogReader } from "../span-log/span-log.ts";
import { readAllPositions } from "./checkpoints.ts";

/** An older answer does not count. */
const STALE_MS = 5_000;

/** Call `read` now and then; `lagSeconds` is null while there is no recent answer. `nowMs`: a monotonic clock. */
export const makeLagMonitor = (
  { pool, spanLog }: { pool: Pool; spanLog: Pick<SpanLogReader, "unfoldedSeconds"> },
  nowMs: () => number,
) => {
  let seconds = 0;
  let readAt = Number.NEGATIVE_INFINITY;
  const startedAt = nowMs();
  return {
    /** The last answer and the time since: nothing is known to be folded in that time. */
    atLeastSeconds: (): number => seconds + Math.max(0, nowMs() - Math.max(readAt, startedAt)) / 1_000,
    read: async (): Promise<void> => {
      const askedAt = nowMs();
      seconds = await spanLog.unfoldedSeconds(await readAllPositions(pool));
      readAt = askedAt;
    },
    lagSeconds: (): number | null => (nowMs() - readAt > STALE_MS ? null : seconds),
  };
};

/**
 * Reads the lag every `everyMs` and shows it in the metrics of every process, also while its own fold, or the database, does not
 * answer. A process without the role `fold` evaluates by it.
 */
export const startLagMonitor = (options: {
  pool: Pool;
  spanLog: Pick<SpanLogReader, "unfoldedSeconds">;
  everyMs: number;
  metrics: Pick<Metrics, "ingestLagSeconds">;
  log: Logger;
}): { readonly lagSeconds: () => number | null; readonly stop: () => Promise<void> } => {
  const { everyMs, metrics, log } = options;
  const monitor = makeLagMonitor(options, () => performance.now());
  const task = startPeriodicTask({
    everyMs,
    run: async () => {
      await monitor.read();
      metrics.ingestLagSeconds.set(monitor.atLeastSeconds());
    },
    onError: (error) => {
      metrics.ingestLagSeconds.set(monitor.atLeastSeconds());
      log.error(
        { err: error },
        "the fold's lag could not be read; nothing is decided until it can be read again",
      );
    },
  });
  return { lagSeconds: monitor.lagSeconds, stop: task.stop };
};
