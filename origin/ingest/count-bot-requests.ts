// How many requests of bots were left out, per feature and epoch: part of the explanation of a decision, not of its
// evidence. Gathered here and added up in the database by write(), so that a crash loses what came since the last one.
import type { Queryable } from "../db/pool.ts";
import type { FeatureEpoch } from "../span-log/unit-key.ts";

export type BotRequestCounter = {
  readonly add: (requests: ReadonlyMap<FeatureEpoch, number>) => void;
  /** Adds what has been gathered; on failure it stays for the next time. */
  readonly write: () => Promise<void>;
};

type Count = { readonly featureId: string; readonly epoch: number; requests: number };

export const makeBotRequestCounter = (db: Queryable): BotRequestCounter => {
  let gathered = new Map<string, Count>();

  const gather = ({ featureId, epoch }: Omit<Count, "requests">, requests: number): void => {
    const key = `${epoch}:${featureId}`;
    const count = gathered.get(key);
    if (count === undefined) gathered.set(key, { featureId, epoch, requests });
    else count.requests += requests;
  };

  return {
    add: (added) => {
      for (const [feature, requests] of added) gather(feature, requests);
    },
    write: async () => {
      if (gathered.size === 0) return;
      // In the order of the key: processes that share a row never wait in a circle.
      const counts = [...gathered.values()].toSorted((one, other) =>
        one.featureId === other.featureId
          ? one.epoch - other.epoch
          : one.featureId < other.featureId
            ? -1
            : 1,
      );
      gathered = new Map();
      try {
        await db.query(
          `insert into bot_requests as b (feature_id, epoch, requests)
           select * from unnest($1::text[], $2::integer[], $3::bigint[])
           on conflict (feature_id, epoch) do update set requests = b.requests + excluded.requests`,
          [
            counts.map(({ featureId }) => featureId),
            counts.map(({ epoch }) => epoch),
            counts.map(({ requests }) => requests),
          ],
        );
      } catch (error) {
        for (const count of counts) gather(count, count.requests);
        throw error;
      }
    },
  };
};
