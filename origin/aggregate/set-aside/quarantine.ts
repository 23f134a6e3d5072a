// Which features are set aside in which partitions of the log, and their records that wait to be counted.
import type { Client, Queryable } from "../../db/pool.ts";
import type { LogRow } from "../../span-log/span-log.ts";

/** Stands for rows of the log that cannot be read. */
export const UNREADABLE = { featureId: "", epoch: 0 } as const;

/** The writer of rows that were set aside: streams of the log begin with 1. */
export const SET_ASIDE = 0;

export type Quarantined = { readonly featureId: string; readonly epoch: number; readonly partition: number };

export const quarantineKey = ({ featureId, epoch, partition }: Quarantined): string =>
  `${partition}:${epoch}:${featureId}`;

/** Those of these partitions. */
export const readQuarantine = async (
  db: Queryable,
  partitions: readonly number[],
): Promise<Map<string, Quarantined>> => {
  const { rows } = await db.query<Quarantined>({
    name: "read-quarantine",
    text: `select feature_id as "featureId", epoch, partition from fold_quarantine
           where partition = any($1::smallint[]) order by 1, 2, 3`,
    values: [partitions],
  });
  return new Map(rows.map((row) => [quarantineKey(row), row]));
};

export const addToQuarantine = async (
  db: Queryable,
  { featureId, epoch }: Pick<Quarantined, "featureId" | "epoch">,
  partitions: readonly number[],
  error: string,
): Promise<void> => {
  await db.query(
    `insert into fold_quarantine (feature_id, epoch, partition, error)
     select $1, $2, p, $4 from unnest($3::smallint[]) p
     on conflict (feature_id, epoch, partition) do update set error = excluded.error`,
    [featureId, epoch, partitions, error],
  );
};

/** Ends it where nothing is set aside any more; whether it did. Called by the partition's owner, who alone sets aside. */
export const liftQuarantine = async (db: Queryable, quarantined: Quarantined): Promise<boolean> => {
  const { featureId, epoch, partition } = quarantined;
  const { rowCount } = await db.query(
    `delete from fold_quarantine q where feature_id = $1 and epoch = $2 and partition = $3 and not exists (
       select from fold_set_aside s
       where s.feature_id = q.feature_id and s.epoch = q.epoch and s.partition = q.partition)`,
    [featureId, epoch, partition],
  );
  return rowCount === 1;
};

const ROWS_AT_ONCE = 2_000;
const RECORDS_AT_ONCE = 50_000;

/** The oldest rows that were set aside, in their order: one at least, if there are any. */
export const readSetAside = async (
  client: Client,
  { featureId, epoch, partition }: Quarantined,
): Promise<LogRow[]> => {
  const { rows } = await client.query<{ id: number; atMs: number; span_keys: Buffer; block: Buffer }>(
    `select id, extract(epoch from at)::float8 * 1000 as "atMs", span_keys, block
     from (
       select *, sum(records) over (order by id) - records as before
       from (
         select * from fold_set_aside where feature_id = $1 and epoch = $2 and partition = $3
         order by id limit ${ROWS_AT_ONCE}
       ) oldest
     ) counted
     where before < ${RECORDS_AT_ONCE}
     order by id`,
    [featureId, epoch, partition],
  );
  return rows.map(({ id, atMs, span_keys: spanKeys, block }) => ({
    partition,
    writer: SET_ASIDE,
    seq: id,
    atMs,
    spanKeys,
    block,
  }));
};

/** In the transaction that counts them. */
export const deleteSetAside = async (client: Client, rows: readonly LogRow[]): Promise<void> => {
  const ids = rows.filter(({ writer }) => writer === SET_ASIDE).map(({ seq }) => seq);
  if (ids.length > 0) await client.query("delete from fold_set_aside where id = any($1::bigint[])", [ids]);
};

/** Records that are set aside, by feature, over all partitions. */
export const countSetAside = async (db: Queryable): Promise<Record<string, number>> => {
  const { rows } = await db.query<{ feature_id: string; records: number }>({
    name: "count-set-aside",
    text: `select q.feature_id, coalesce(sum(s.records), 0)::bigint as records
           from (select distinct feature_id, epoch from fold_quarantine) q
           left join fold_set_aside s using (feature_id, epoch) group by 1`,
  });
  return Object.fromEntries(rows.map(({ feature_id: featureId, records }) => [featureId, records]));
};
