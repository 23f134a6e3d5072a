// What a person may ask of the partitions in a database: who folds each, and how large it is.
import type { Queryable } from "../db/pool.ts";
import { documentsOf } from "../../shared/telemetry/partition-numbers.ts";
import { lockOfPartition } from "./partition-ownership.ts";

/** By partition, the session that owns it; its application, address and process. */
export const readPartitionOwners = async (db: Queryable): Promise<ReadonlyMap<number, string>> => {
  const { rows } = await db.query<{ partition: number; owner: string }>(
    `select l.objid::integer as partition,
       concat_ws(' ', a.application_name, coalesce(host(a.client_addr), 'local'), 'pid ' || l.pid) as owner
     from pg_locks l left join pg_stat_activity a using (pid)
     where ${lockOfPartition("l")}`,
  );
  return new Map(rows.map(({ partition, owner }) => [partition, owner]));
};

/** Bytes of its units, and about those of its counts and latencies. */
export const readPartitionSize = async (db: Queryable, partition: number): Promise<number> => {
  const { rows } = await db.query<{ bytes: number }>(
    `select (
       coalesce((select sum(pg_total_relation_size(to_regclass('unit_evidence_' || run)))
                 from unit_runs where partition = $1), 0)
       + coalesce((select sum(pg_column_size(c.*)) from outcome_counts_by_partition c where partition = $1), 0)
       + coalesce((select sum(pg_column_size(s.*)) from latency_sketches s where partition in ($1, $2)), 0)
     )::float8 as bytes`,
    [partition, documentsOf(partition)],
  );
  return rows[0]?.bytes ?? 0;
};
