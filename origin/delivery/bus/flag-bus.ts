// How processes tell each other that a feature changed. Fast, and allowed to lose: whoever listens also reads the
// database when a connection was away (`onGap`) and every now and then.
import { z } from "zod";
import { FeatureId, Revision } from "../../../shared/ids.ts";

export const FlagEvent = z.object({
  featureId: FeatureId,
  reason: z.string(),
  version: z.number().int(),
  revision: Revision,
  action: z.string(),
  enabled: z.boolean(),
});
export type FlagEvent = z.infer<typeof FlagEvent>;

export type FlagListener = {
  readonly onEvent: (event: FlagEvent) => void;
  /** Events may have been missed: read what is true from the database. */
  readonly onGap: () => void;
};

export type FlagState = { readonly featureId: FeatureId; readonly enabled: boolean };

export type FlagBus = {
  /** Publishes the changes of one revision and keeps each feature's state where others look it up. */
  readonly publish: (events: readonly FlagEvent[]) => Promise<void>;
  /** Writes the states that are true at `revision`, for a bus that may have forgotten or missed some. */
  readonly restore: (states: readonly FlagState[], revision: Revision) => Promise<void>;
  /** Returns the function that ends the subscription. */
  readonly subscribe: (listener: FlagListener) => () => void;
  readonly stop: () => Promise<void>;
};

/** For an origin that is one process. */
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
