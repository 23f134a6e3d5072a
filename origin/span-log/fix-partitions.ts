// How many partitions the span log has. The first process of an installation fixes it, in the main database: the number is part of
// where each unit is counted, so that another one would lose what is counted.
import { DEFAULT_PARTITIONS, partitionsOf } from "../../shared/telemetry/partition-numbers.ts";
import { inTransaction, type Pool, type Queryable } from "../db/pool.ts";

/** Another number than SPAN_LOG_PARTITIONS says is fixed, or cannot be changed any more. */
export class PartitionsFixed extends Error {}

export const readPartitionCount = async (main: Queryable): Promise<number> => {
  const { rows } = await main.query<{ partitions: number }>(
    "select count(*)::integer as partitions from partition_places",
  );
  return rows[0]?.partitions ?? DEFAULT_PARTITIONS;
};

/** What has been counted or acknowledged, or has moved, belongs to the partitions that there are. */
const isUntouched = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ untouched: boolean }>(
    `select not (exists (select from span_log) or exists (select from fold_checkpoints) or exists (select from unit_runs)
       or exists (select from outcome_counts) or exists (select from span_log_streams) or exists (select from moved_partitions)
       or exists (select from partition_places where moves > 0)) as untouched`,
  );
  return rows[0]?.untouched === true;
};

/** A process of a version before appends to partitions below four, which nobody would fold: its rows are refused. */
const refuseOlderWriters = async (db: Queryable, partitions: number): Promise<void> => {
  if (partitions === DEFAULT_PARTITIONS) return;
  await db.query("select refuse_older_writers($1)", [partitions]);
};

const makePartitions = async (db: Queryable, partitions: number): Promise<void> => {
  const numbers = partitionsOf(partitions);
  for (const table of ["fold_partitions", "partition_places"]) {
    await db.query(`delete from ${table}`);
    await db.query(`insert into ${table} (partition) select unnest($1::smallint[])`, [numbers]);
  }
};

/**
 * Resolves to the number of partitions. `wanted`: SPAN_LOG_PARTITIONS; undefined: what is fixed, or the default. Throws
 * PartitionsFixed when another number is. Any number of processes may do so at once.
 */
export const fixPartitions = (main: Pool, wanted: number | undefined): Promise<number> =>
  inTransaction(main, async (client) => {
    const { rows } = await client.query<{ partitions: number | null }>(
      "select partitions from aggregate_database for update",
    );
    const fixed = rows[0]?.partitions ?? null;
    if (fixed !== null) {
      if (wanted !== undefined && wanted !== fixed)
        throw new PartitionsFixed(
          `SPAN_LOG_PARTITIONS is ${wanted}, and the span log has ${fixed} partitions since the installation was first started. ` +
            `Unset it or set it to ${fixed}; docs/operations/scale.md says how to get more`,
        );
      await refuseOlderWriters(client, fixed);
      return fixed;
    }
    const partitions = wanted ?? DEFAULT_PARTITIONS;
    if (partitions !== DEFAULT_PARTITIONS) {
      if (!(await isUntouched(client)))
        throw new PartitionsFixed(
          `SPAN_LOG_PARTITIONS is ${partitions}, and this installation has counted with ${DEFAULT_PARTITIONS} partitions. ` +
            `Unset it or set it to ${DEFAULT_PARTITIONS}; docs/operations/scale.md says how to get more`,
        );
      // Its lock comes before the rows: from here on nobody appends, and what was appended since is refused.
      await refuseOlderWriters(client, partitions);
      await makePartitions(client, partitions);
    }
    await client.query("update aggregate_database set partitions = $1", [partitions]);
    return partitions;
  });
