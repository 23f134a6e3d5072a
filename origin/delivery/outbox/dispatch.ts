// Delivers the rows of the outbox, in order of revision, at least once. Any number of processes dispatch from one
// outbox, because each claims its rows.
import type { Pool } from "../../db/pool.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import { makeInterruptibleSleep } from "../../runtime/interruptible-sleep.ts";
import type { WarningLog } from "../../runtime/log.ts";
import { CLAIM_LIMIT, claimDueMessages, markDone, markFailed, type Claimed } from "./outbox-rows.ts";

export type OutboxMessage = Omit<Claimed, "topic" | "attempts">;

/** Throws when the message could not be delivered. It is then delivered again, for as long as it takes. */
export type Deliver = (message: OutboxMessage) => Promise<void>;

const POLL_MS = 1_000;
const RETRY = { firstMs: 100, mostMs: 60_000 };

export type Dispatcher = {
  /** The outbox may have a new row. */
  readonly notify: () => void;
  /** Waits for the deliveries under way. */
  readonly stop: () => Promise<void>;
};

/** Delivers the topics that `deliver` names and leaves rows of other topics to other processes. */
export const startDispatcher = (options: {
  pool: Pool;
  deliver: Readonly<Record<string, Deliver>>;
  log: WarningLog;
}): Dispatcher => {
  const { pool, deliver, log } = options;
  const topics = Object.keys(deliver);
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();

  /** The message's id once it is delivered; null when it has to be tried again. */
  const deliverOne = async (message: Claimed): Promise<number | null> => {
    try {
      await deliver[message.topic]?.(message);
      return message.id;
    } catch (error) {
      const pauseMs = backoffMs(message.attempts, RETRY);
      log.warn(
        {
          topic: message.topic,
          revision: message.revision,
          attempts: message.attempts,
          error: String(error),
        },
        "a message of the outbox was not delivered; it is tried again",
      );
      await markFailed(pool, { id: message.id, pauseMs, error: String(error).slice(0, 500) });
      return null;
    }
  };

  /** Each topic in its own order; one that is slow does not hold up another. */
  const dispatchDue = async (): Promise<number> => {
    const claimed = await claimDueMessages(pool, topics);
    await Promise.all(
      topics.map(async (topic) => {
        const done: number[] = [];
        for (const message of claimed.filter((candidate) => candidate.topic === topic)) {
          const id = await deliverOne(message);
          if (id !== null) done.push(id);
        }
        if (done.length > 0) await markDone(pool, done);
      }),
    );
    return claimed.length;
  };

  const running = (async () => {
    let isFailing = false;
    while (!stopping.signal.aborted) {
      try {
        const count = await dispatchDue();
        isFailing = false;
        if (count === CLAIM_LIMIT) continue;
      } catch (error) {
        if (!isFailing)
          log.warn({ error: String(error) }, "the outbox could not be read; it is tried again every second");
        isFailing = true;
      }
      await pause.sleep(POLL_MS);
    }
  })();

  return {
    notify: pause.interrupt,
    stop: async () => {
      stopping.abort();
      pause.interrupt();
      await running;
    },
  };
};
