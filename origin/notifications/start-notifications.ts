// The loop that announces what has happened and tells the targets. Any number of processes run it on one database.
import type { Pool } from "../db/pool.ts";
import { makeInterruptibleSleep } from "../runtime/interruptible-sleep.ts";
import type { StoredSecrets } from "../runtime/stored-secrets.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { SendMessage } from "./channels/send-message.ts";
import { collectNews } from "./collect.ts";
import { claimDueTargets, type Claimed } from "./due-targets.ts";
import { keepEnvironmentTargets } from "./environment-targets.ts";
import { makeTellTarget, type NewsLog } from "./tell-target.ts";
import type { Channel } from "./target.ts";
import { pruneAnnouncements, reportTargets } from "./upkeep.ts";

const POLL_MS = 1_000;
/** Targets that are told at once. One that hangs holds its place for ten seconds. */
const MOST_AT_ONCE = 32;
const UPKEEP_EVERY_MS = 15_000;

/** `pool` is its own and ends with it. */
export const startNotifications = (options: {
  pool: Pool;
  secrets: StoredSecrets;
  send: SendMessage;
  canMail: boolean;
  environment: ReadonlyMap<string, Channel>;
  metrics: Pick<Metrics, "notifications" | "notificationsFailing" | "notificationsQueued">;
  log: NewsLog;
  pollMs?: number;
}): { readonly stop: () => Promise<void> } => {
  const { pool, secrets, send, canMail, environment, metrics, log, pollMs = POLL_MS } = options;
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();
  const ability = {
    types: canMail ? ["slack", "webhook", "email"] : ["slack", "webhook"],
    environment: [...environment.keys()],
  };
  const tellTarget = makeTellTarget({ pool, send, environment, metrics, log, stopping: stopping.signal });
  const underWay = new Set<Promise<void>>();

  const begin = (target: Claimed): void => {
    const telling = tellTarget(target)
      .catch((error: unknown) =>
        // Its lease ends by itself.
        log.warn(
          { target: target.name, err: error },
          "a notification target could not be told; it is tried again",
        ),
      )
      .finally(() => {
        underWay.delete(telling);
        pause.interrupt();
      });
    underWay.add(telling);
  };

  let upkeepAt = 0;
  const round = async (): Promise<void> => {
    if (performance.now() >= upkeepAt) {
      await keepEnvironmentTargets(pool, environment);
      await reportTargets(pool, metrics);
      await pruneAnnouncements(pool);
      upkeepAt = performance.now() + UPKEEP_EVERY_MS;
    }
    await collectNews(pool);
    const room = MOST_AT_ONCE - underWay.size;
    if (room > 0) for (const target of await claimDueTargets(pool, secrets, ability, room)) begin(target);
  };

  const running = (async () => {
    let isFailing = false;
    while (!stopping.signal.aborted) {
      try {
        await round();
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.warn({ err: error }, "news could not be read; it is tried again every second");
        isFailing = true;
      }
      await pause.sleep(pollMs);
    }
  })();

  return {
    stop: async () => {
      stopping.abort();
      pause.interrupt();
      await running;
      await Promise.all(underWay);
      await pool.end();
    },
  };
};
