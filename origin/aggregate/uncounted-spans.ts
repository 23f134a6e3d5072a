// How many spans and units the fold left out, for each feature, epoch and reason: shown beside a feature's signals, never part of
// its evidence. Written in the transactions of the fold.
import type { Client } from "../db/pool.ts";
import { addUncounted, type UncountedCount } from "../span-log/uncounted.ts";

type FeatureInEpoch = { readonly featureId: string; readonly epoch: number };

export const makeUncountedSpans = () => {
  const counts = new Map<string, UncountedCount>();
  const totals: Record<string, number> = {};
  return {
    add: ({ featureId, epoch }: FeatureInEpoch, reason: string, spans: number): void => {
      const key = `${reason} ${epoch} ${featureId}`;
      const count = counts.get(key);
      if (count === undefined) counts.set(key, { featureId, epoch, reason, spans });
      else count.spans += spans;
    },
    /** Adds what was left out since the last write; in the batch's transaction. */
    write: async (client: Client): Promise<void> => {
      if (counts.size === 0) return;
      await addUncounted(client, [...counts.values()]);
      for (const { reason, spans } of counts.values()) totals[reason] = (totals[reason] ?? 0) + spans;
      counts.clear();
    },
    /** By reason, of all features, since this was made. */
    totals: (): Readonly<Record<string, number>> => totals,
  };
};
export type UncountedSpans = ReturnType<typeof makeUncountedSpans>;
