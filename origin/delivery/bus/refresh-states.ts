// Keeps the feature states in Redis correct: after every gap (a connection that was away, a node that came back empty,
// a failover) all are written again from the database. Between gaps the dispatcher writes each change.
import { backoffMs } from "../../runtime/backoff.ts";
import { makeInterruptibleSleep } from "../../runtime/interruptible-sleep.ts";
import type { FlagBus, FlagState, StateName } from "./flag-bus.ts";

/** Once a minute anyway, in ms, for a key that somebody removed by hand. */
const REFRESH_MS = 60_000;
const RETRY = { firstMs: 100, mostMs: 2_000 };

export const startStateRefresh = (options: {
  bus: FlagBus;
  readStates: () => Promise<StateName & { readonly features: readonly FlagState[] }>;
}): { readonly refresh: () => void; readonly stop: () => Promise<void> } => {
  const { bus, readStates } = options;
  const pause = makeInterruptibleSleep();
  const stopping = new AbortController();
  const unsubscribe = bus.subscribe({ onEvent: () => {}, onGap: pause.interrupt });

  const restore = async (): Promise<void> => {
    const { features, ...at } = await readStates();
    await bus.restore(features, at);
  };

  const running = (async () => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      // Redis or the database is away, and each of them has its own line in the log.
      failures = await restore().then(
        () => 0,
        () => failures + 1,
      );
      await pause.sleep(failures === 0 ? REFRESH_MS : backoffMs(failures, RETRY));
    }
  })();

  return {
    /** Writes all states now. */
    refresh: pause.interrupt,
    stop: async () => {
      stopping.abort();
      unsubscribe();
      pause.interrupt();
      await running;
    },
  };
};
