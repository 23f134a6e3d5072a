// How processes tell each other that a feature changed. The bus is fast and may lose events: a listener also reads the
// database when a connection was away (`onGap`) and every now and then.
import { z } from "zod";
import { FeatureId, Revision } from "../../../shared/ids.ts";

/**
 * The history of the database that a revision is of. Of two histories the one that began later goes on. An older origin
 * names none.
 */
const LineageName = z.object({
  lineage: z.string().optional(),
  lineageBegunAtMs: z.number().optional(),
});

export const FlagEvent = LineageName.extend({
  featureId: FeatureId,
  reason: z.string(),
  version: z.number().int(),
  epoch: z.number().int().optional(),
  revision: Revision,
  /** The kind of the change; `action` on the wire, as in the audit. */
  action: z.string(),
  enabled: z.boolean(),
});
export type FlagEvent = z.infer<typeof FlagEvent>;

export type FlagListener = {
  readonly onEvent: (event: FlagEvent) => void;
  /** Events may be missing: read the database. */
  readonly onGap: () => void;
};

export type FlagState = {
  readonly featureId: FeatureId;
  readonly enabled: boolean;
  readonly epoch: number;
};

/** What names a state of the database. */
export type StateName = z.infer<typeof LineageName> & { readonly revision: Revision };

export type FlagBus = {
  /** Publishes the changes of one revision and keeps each feature's state where others look it up. */
  readonly publish: (events: readonly FlagEvent[]) => Promise<void>;
  /** Writes the states as they are in `at`, for a bus that may have lost some. */
  readonly restore: (states: readonly FlagState[], at: StateName) => Promise<void>;
  /** Returns the function that ends the subscription. */
  readonly subscribe: (listener: FlagListener) => () => void;
  readonly stop: () => Promise<void>;
};
