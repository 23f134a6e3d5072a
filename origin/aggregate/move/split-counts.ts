// The first time that a partition leaves the main database: its counts, kept for all partitions together until then, are told apart.
// The units say of which partition each count is. What they do not account for stays with the lowest partition, so that no sum
// changes. Folds wait meanwhile, about a second for a million units; ingest goes on.
import { inClientTransaction, type Client } from "../../db/pool.ts";
import { addCountsOfUnits } from "../sync-windows.ts";

const KEY = "feature_id, epoch, cohort, signal, age_s, bucket_s";

/** Adds to the lowest partition what the units of all partitions do not account for. */
const addRemainder = async (client: Client, lowest: number): Promise<void> => {
  await client.query(
    `insert into outcome_counts_by_partition as c (${KEY}, partition, units)
     select ${KEY}, $1, coalesce(a.units, 0) - coalesce(b.units, 0)
     from outcome_counts a
     full join (
       select ${KEY}, sum(units)::integer as units from outcome_counts_by_partition group by ${KEY}
     ) b using (${KEY})
     where coalesce(a.units, 0) <> coalesce(b.units, 0)
     on conflict (feature_id, epoch, bucket_s, cohort, signal, age_s, partition)
     do update set units = c.units + excluded.units`,
    [lowest],
  );
};

/** Whether there was anything to do: a database that keeps its counts by partition stays as it is. */
export const splitCounts = (client: Client): Promise<boolean> =>
  inClientTransaction(client, async () => {
    // The lock that folds share: from here on they wait, and afterwards they learn how counts are kept.
    await client.query("update fold_windows_version set version = version + 1");
    const { rows: head } = await client.query<{ by_partition: boolean; lowest: number }>(
      "select by_partition, (select min(partition) from fold_partitions) as lowest from aggregate_database",
    );
    if (head[0]?.by_partition !== false) return false;
    const { rows: counted } = await client.query<{ feature_id: string; epoch: number }>(
      "select feature_id, epoch from fold_windows order by 1, 2",
    );
    for (const { feature_id: featureId, epoch } of counted)
      await addCountsOfUnits(client, { featureId, epoch }, "each");
    await addRemainder(client, head[0].lowest);
    await client.query(
      `insert into arrivals_by_partition (feature_id, epoch, hour_s, partition, units, seen_again, largest_network)
       select feature_id, epoch, hour_s, $1, units, seen_again, largest_network from arrivals`,
      [head[0].lowest],
    );
    await client.query("delete from outcome_counts");
    await client.query("delete from arrivals");
    await client.query("update aggregate_database set name = 'main', by_partition = true");
    return true;
  });
