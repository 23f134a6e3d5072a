// Spans that were taken and not counted, by feature, epoch and reason, and the table uncounted_signals that keeps them: shown beside
// a feature's signals, never part of its evidence. Ingest and the fold add to it.
import type { Queryable } from "../db/pool.ts";

type FeatureInEpoch = { readonly featureId: string; readonly epoch: number };
type Count = FeatureInEpoch & { readonly reason: string; spans: number };

const before = (one: Count, other: Count): number =>
  one.featureId.localeCompare(other.featureId) ||
  one.epoch - other.epoch ||
  one.reason.localeCompare(other.reason);

/** In the order of the key: processes that share a row never wait in a circle. `partition`: null where all have one row. */
const addUncounted = async (
  db: Queryable,
  counts: readonly Count[],
  partition: number | null,
): Promise<void> => {
  const sorted = counts.toSorted(before);
  const [table, column, key] =
    partition === null
      ? ["uncounted_signals", "", ""]
      : ["uncounted_by_partition", ", partition", `, ${partition}::smallint`];
  await db.query({
    name: `add-uncounted${partition === null ? "" : `-${partition}`}`,
    text: `
      insert into ${table} as u (feature_id, epoch, reason, spans${column})
      select d.*${key} from unnest($1::text[], $2::integer[], $3::text[], $4::bigint[]) d
      on conflict (feature_id, epoch, reason${column}) do update set spans = u.spans + excluded.spans`,
    values: [
      sorted.map(({ featureId }) => featureId),
      sorted.map(({ epoch }) => epoch),
      sorted.map(({ reason }) => reason),
      sorted.map(({ spans }) => spans),
    ],
  });
};

/** Counted in memory and added up in the database by `write`. */
export const makeUncountedSpans = () => {
  let counts = new Map<string, Count>();
  const totals: Record<string, number> = {};

  const add = ({ featureId, epoch }: FeatureInEpoch, reason: string, spans: number): void => {
    const key = `${reason} ${epoch} ${featureId}`;
    const count = counts.get(key);
    if (count === undefined) counts.set(key, { featureId, epoch, reason, spans });
    else count.spans += spans;
  };

  return {
    add,
    /**
     * Adds what is new since the last write; after a failure it stays for the next one. `partition`: under which a fold writes
     * where the database keeps its counts by partition.
     */
    write: async (db: Queryable, partition: number | null = null): Promise<void> => {
      if (counts.size === 0) return;
      const written = [...counts.values()];
      counts = new Map();
      try {
        await addUncounted(db, written, partition);
      } catch (error) {
        for (const count of written) add(count, count.reason, count.spans);
        throw error;
      }
      for (const { reason, spans } of written) totals[reason] = (totals[reason] ?? 0) + spans;
    },
    /** What was written, by reason, of all features. */
    totals: (): Readonly<Record<string, number>> => totals,
  };
};
export type UncountedSpans = ReturnType<typeof makeUncountedSpans>;
