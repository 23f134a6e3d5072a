// The embedded PostgreSQL for as long as the origin runs: one that ends by itself (killed, out of disk or memory) is started
// again on the same port, so that every pool finds it where it was.
import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs } from "../runtime/backoff.ts";
import { errorText } from "../runtime/error-text.ts";
import type { Logger } from "../runtime/log.ts";
import type { EmbeddedPostgres } from "./embedded-postgres.ts";

const RESTART = { firstMs: 100, mostMs: 10_000 };
/** One that has run for so long did not end because of how it was started. */
const SOUND_MS = 30_000;

export type KeptPostgres = { readonly url: string; readonly stop: () => Promise<void> };

/** `start` brings it up, on `port` when one is given. The first start throws; later ones are tried until one succeeds. */
export const keepPostgres = async (options: {
  start: (port?: number) => Promise<EmbeddedPostgres>;
  log: Pick<Logger, "error" | "warn">;
}): Promise<KeptPostgres> => {
  const { start, log } = options;
  const stopping = new AbortController();
  let server = await start();
  const { url } = server;
  const port = Number(new URL(url).port);

  const startAgain = async (attemptsBefore: number): Promise<number> => {
    for (let attempts = attemptsBefore; ; attempts++) {
      await sleep(backoffMs(attempts, RESTART), undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return attempts;
      try {
        server = await start(port);
        log.warn({ pid: server.pid }, "PostgreSQL runs again");
        return attempts + 1;
      } catch (error) {
        log.error(
          { error: errorText(error) },
          "PostgreSQL cannot be started again; it is tried until it can. Look at the disk and at the memory",
        );
      }
    }
  };

  const keeping = (async () => {
    let attempts = 0;
    while (!stopping.signal.aborted) {
      const beganAt = performance.now();
      const code = await server.ended.catch(() => null);
      if (stopping.signal.aborted) return;
      log.error(
        { pid: server.pid, code },
        "PostgreSQL has ended by itself; it is started again, and nothing that was committed is lost",
      );
      if (performance.now() - beganAt > SOUND_MS) attempts = 0;
      attempts = await startAgain(attempts);
    }
  })();

  return {
    url,
    stop: async () => {
      stopping.abort();
      await server.stop();
      await keeping;
      // It may have been started again just before.
      await server.stop();
    },
  };
};
