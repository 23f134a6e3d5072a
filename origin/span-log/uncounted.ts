// The table uncounted_signals: spans that were taken and not counted, by feature, epoch and reason. Ingest and the fold add to it.
import type { Queryable } from "../db/pool.ts";

export type UncountedCount = {
  readonly featureId: string;
  readonly epoch: number;
  readonly reason: string;
  spans: number;
};

const before = (one: UncountedCount, other: UncountedCount): number =>
  one.featureId.localeCompare(other.featureId) ||
  one.epoch - other.epoch ||
  one.reason.localeCompare(other.reason);

/** In the order of the key: processes that share a row never wait in a circle. */
export const addUncounted = async (db: Queryable, counts: readonly UncountedCount[]): Promise<void> => {
  if (counts.length === 0) return;
  const sorted = counts.toSorted(before);
  await db.query({
    name: "add-uncounted",
    text: `
      insert into uncounted_signals as u (feature_id, epoch, reason, spans)
      select * from unnest($1::text[], $2::integer[], $3::text[], $4::bigint[])
      on conflict (feature_id, epoch, reason) do update set spans = u.spans + excluded.spans`,
    values: [
      sorted.map(({ featureId }) => featureId),
      sorted.map(({ epoch }) => epoch),
      sorted.map(({ reason }) => reason),
      sorted.map(({ spans }) => spans),
    ],
  });
};
