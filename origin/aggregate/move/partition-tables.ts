// The tables that have something of one partition, beside its runs of units: what moves with it.
import { copyInto, copyOut } from "../../db/copy.ts";
import type { Client, Queryable } from "../../db/pool.ts";
import { documentsOf } from "../../../shared/telemetry/partition-numbers.ts";

const ofPartition = (partition: number): string => `partition = ${partition}`;
const ofBothKinds = (partition: number): string => `partition in (${partition}, ${documentsOf(partition)})`;

type Table = {
  readonly name: string;
  readonly columns: string;
  readonly where: (partition: number) => string;
  /** Large ones are copied feature by feature: what is copied at once is in memory. */
  readonly isLarge?: true;
  /** What must be the same in both databases. */
  readonly sum: string;
};

export const COUNTS: Table = {
  name: "outcome_counts_by_partition",
  columns: "feature_id, epoch, cohort, signal, age_s, bucket_s, partition, units",
  where: ofPartition,
  isLarge: true,
  sum: "units",
};

export const PARTITION_TABLES: readonly Table[] = [
  COUNTS,
  {
    name: "latency_sketches",
    columns:
      "feature_id, epoch, cohort, bucket_s, partition, requests, errors, sketch, kind, unfinished, unfinished_sketch",
    where: ofBothKinds,
    isLarge: true,
    sum: "requests",
  },
  {
    name: "arrivals_by_partition",
    columns: "feature_id, epoch, hour_s, partition, units, seen_again, largest_network",
    where: ofPartition,
    sum: "units",
  },
  {
    name: "uncounted_by_partition",
    columns: "feature_id, epoch, reason, partition, spans",
    where: ofPartition,
    sum: "spans",
  },
  {
    name: "waiting_units",
    columns: "unit_key, partition, feature_id, epoch, arrived_at, spans",
    where: ofPartition,
    sum: "jsonb_array_length(spans)",
  },
  {
    name: "fold_set_aside",
    columns: "feature_id, epoch, partition, at, records, span_keys, block",
    where: ofPartition,
    sum: "records",
  },
  {
    name: "fold_quarantine",
    columns: "feature_id, epoch, partition, since, error",
    where: ofPartition,
    sum: "epoch",
  },
  { name: "fold_checkpoints", columns: "partition, writer, seq", where: ofPartition, sum: "seq" },
];

export const deletePartitionRows = async (db: Queryable, partition: number): Promise<void> => {
  for (const { name, where } of PARTITION_TABLES)
    await db.query(`delete from ${name} where ${where(partition)}`);
};

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Conditions whose rows are copied at once. */
const portionsOf = async (
  source: Client,
  { name, where, isLarge }: Table,
  partition: number,
): Promise<string[]> => {
  if (isLarge === undefined) return [where(partition)];
  const { rows } = await source.query<{ feature_id: string; epoch: number }>(
    `select distinct feature_id, epoch from ${name} where ${where(partition)} order by 1, 2`,
  );
  return rows.map(
    ({ feature_id, epoch }) =>
      `${where(partition)} and feature_id = ${literal(feature_id)} and epoch = ${epoch}`,
  );
};

/** Copies the rows of the partition; the target has none. */
export const copyPartitionRows = async (source: Client, target: Client, partition: number): Promise<void> => {
  for (const table of PARTITION_TABLES) {
    const { name, columns } = table;
    // In the order of its arrival: what is set aside is counted again in that order.
    const order = name === "fold_set_aside" ? " order by id" : "";
    for (const portion of await portionsOf(source, table, partition)) {
      const data = await copyOut(source, `select ${columns} from ${name} where ${portion}${order}`);
      await copyInto(target, `${name} (${columns})`, data);
    }
  }
};

/** Rows and a sum of each table, and the rows of units: equal in both databases when everything has arrived. */
export const partitionFacts = async (
  db: Queryable,
  partition: number,
  runs: readonly number[],
): Promise<Readonly<Record<string, string>>> => {
  const facts: Record<string, string> = {};
  for (const { name, where, sum } of PARTITION_TABLES) {
    const { rows } = await db.query<{ rows: string; sum: string }>(
      `select count(*)::text as rows, coalesce(sum(${sum}), 0)::text as sum from ${name} where ${where(partition)}`,
    );
    facts[name] = `${rows[0]?.rows} rows, sum ${rows[0]?.sum}`;
  }
  let units = 0;
  for (const run of runs) {
    const { rows } = await db.query<{ rows: number }>(
      `select count(*)::float8 as rows from unit_evidence_${run}`,
    );
    units += rows[0]?.rows ?? 0;
  }
  facts["unit_evidence"] = `${units} rows`;
  return facts;
};
