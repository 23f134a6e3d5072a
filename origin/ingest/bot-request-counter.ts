// How many requests of bots were left out, for each feature and epoch: part of the explanation of a decision, not of its
// evidence. Counted in memory and added up in the database by write(): a crash loses the counts since the last write.
import type { Queryable } from "../db/pool.ts";
import type { FeatureEpoch } from "../span-log/unit-key.ts";

export type BotRequestCounter = {
  readonly add: (requests: ReadonlyMap<FeatureEpoch, number>) => void;
  /** Adds the counts in memory to the stored ones; after a failure they stay for the next time. */
  readonly write: () => Promise<void>;
};

type Count = { readonly featureId: string; readonly epoch: number; requests: number };

export const makeBotRequestCounter = (db: Queryable): BotRequestCounter => {
  let counts = new Map<string, Count>();

  const increase = ({ featureId, epoch }: Omit<Count, "requests">, requests: number): void => {
    const key = `${epoch}:${featureId}`;
    const count = counts.get(key);
    if (count === undefined) counts.set(key, { featureId, epoch, requests });
    else count.requests += requests;
  };

  return {
    add: (added) => {
      for (const [feature, requests] of added) increase(feature, requests);
    },
    write: async () => {
      if (counts.size === 0) return;
      // In the order of the key: processes that share a row never wait in a circle.
      const written = [...counts.values()].toSorted((one, other) =>
        one.featureId === other.featureId
          ? one.epoch - other.epoch
          : one.featureId < other.featureId
            ? -1
            : 1,
      );
      counts = new Map();
      try {
        await db.query(
          `insert into bot_requests as b (feature_id, epoch, requests)
           select * from unnest($1::text[], $2::integer[], $3::bigint[])
           on conflict (feature_id, epoch) do update set requests = b.requests + excluded.requests`,
          [
            written.map(({ featureId }) => featureId),
            written.map(({ epoch }) => epoch),
            written.map(({ requests }) => requests),
          ],
        );
      } catch (error) {
        for (const count of written) increase(count, count.requests);
        throw error;
      }
    },
  };
};
