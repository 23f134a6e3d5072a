// The bus of an origin that is one process. It loses nothing and keeps no states: nobody else could look them up.
import type { FlagBus, FlagListener } from "./flag-bus.ts";

export const makeInProcessBus = (): FlagBus => {
  const listeners = new Set<FlagListener>();
  return {
    publish: async (events) => {
      for (const event of events) for (const listener of listeners) listener.onEvent(event);
    },
    restore: async () => {},
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: async () => listeners.clear(),
  };
};
