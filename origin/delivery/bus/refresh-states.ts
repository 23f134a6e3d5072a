// Keeps the states that Redis shows true: after every gap (a connection that was away, a node that came back empty,
// a failover) all are written again from the database. Only events between gaps are left to the dispatcher.
import type { Snapshot } from "../../../shared/features/feature.ts";
import { backoffMs, makeAlarm } from "../../runtime/alarm.ts";
import type { FlagBus } from "./flag-bus.ts";

/** Once a minute anyway, in ms, for a key that somebody removed by hand. */
const REFRESH_MS = 60_000;

export const keepStates = (options: {
  bus: FlagBus;
  readSnapshot: () => Promise<Snapshot>;
}): { readonly stop: () => Promise<void> } => {
  const { bus, readSnapshot } = options;
  const alarm = makeAlarm();
  const stopping = new AbortController();
  const unsubscribe = bus.subscribe({ onEvent: () => {}, onGap: alarm.ring });

  const restore = async (): Promise<void> => {
    const { features, revision } = await readSnapshot();
    await bus.restore(features, revision);
  };

  const running = (async () => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      // A failure is Redis or the database being away, which each has its own line in the log.
      failures = await restore().then(
        () => 0,
        () => failures + 1,
      );
      await alarm.wait(failures === 0 ? REFRESH_MS : backoffMs(failures, { firstMs: 100, mostMs: 2_000 }));
    }
  })();

  return {
    stop: async () => {
      stopping.abort();
      unsubscribe();
      alarm.ring();
      await running;
    },
  };
};
