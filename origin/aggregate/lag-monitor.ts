// How far the fold is behind, for a process that evaluates but does not fold.
import type { Pool } from "../db/pool.ts";
import type { Logger } from "../runtime/log.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import { unfoldedSeconds } from "../span-log/read-log.ts";

/** An older answer does not count. */
const STALE_MS = 5_000;

/** Call `read` now and then; `lagSeconds` is null while there is no recent answer. `nowMs`: a monotonic clock. */
export const makeLagMonitor = (pool: Pool, nowMs: () => number) => {
  let seconds = 0;
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    read: async (): Promise<void> => {
      const startedAt = nowMs();
      seconds = await unfoldedSeconds(pool);
      readAt = startedAt;
    },
    lagSeconds: (): number | null => (nowMs() - readAt > STALE_MS ? null : seconds),
  };
};

/** For a process that evaluates without the role `fold`: reads the lag every `everyMs`. */
export const startLagMonitor = (options: {
  pool: Pool;
  everyMs: number;
  log: Logger;
}): { readonly lagSeconds: () => number | null; readonly stop: () => Promise<void> } => {
  const { pool, everyMs, log } = options;
  const monitor = makeLagMonitor(pool, () => performance.now());
  const task = startPeriodicTask({
    everyMs,
    run: () => monitor.read(),
    onError: (error) =>
      log.error(
        { err: error },
        "the fold's lag could not be read; nothing is decided until it can be read again",
      ),
  });
  return { lagSeconds: monitor.lagSeconds, stop: task.stop };
};
