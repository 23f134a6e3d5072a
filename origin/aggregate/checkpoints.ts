// How far the log is folded: rows that are committed with the aggregates.
import { databaseOf, readPlaces, type AggregateDatabase } from "../db/aggregate-databases.ts";
import type { Queryable } from "../db/pool.ts";
import type { Checkpoint, FoldPositions } from "../span-log/span-log.ts";

type Row = { readonly partition: number; readonly writer: number | null; readonly seq: number | null };

const toPositions = (rows: readonly Row[]): FoldPositions => ({
  partitions: [...new Set(rows.map(({ partition }) => partition))],
  checkpoints: rows.flatMap(({ partition, writer, seq }): Checkpoint[] =>
    writer === null || seq === null ? [] : [{ partition, writer, seq }],
  ),
});

/** Of these partitions. Only their owner moves them on. */
export const readPositions = async (db: Queryable, partitions: readonly number[]): Promise<FoldPositions> => {
  const { rows } = await db.query<Row>({
    name: "read-positions",
    text: `select p.partition, c.writer, c.seq
           from unnest($1::smallint[]) as p(partition) left join fold_checkpoints c using (partition)
           order by 1, 2`,
    values: [partitions],
  });
  return toPositions(rows);
};

/** Of all partitions, whoever owns them. */
export const readAllPositions = async (db: Queryable): Promise<FoldPositions> => {
  const { rows } = await db.query<Row>({
    name: "read-all-positions",
    text: `select p.partition, c.writer, c.seq
           from fold_partitions p left join fold_checkpoints c using (partition)
           order by 1, 2`,
  });
  return toPositions(rows);
};

/** Of all partitions, each as the database has it that it lives in. Throws when one of them cannot be asked. */
export const readPositionsOfAll = async (
  main: Queryable,
  databases: readonly AggregateDatabase[],
): Promise<FoldPositions> => {
  if (databases.length <= 1) return readAllPositions(main);
  const { byDatabase } = await readPlaces(main);
  const found = await Promise.all(
    Array.from(byDatabase, ([name, partitions]) =>
      readPositions(databaseOf(databases, name).pool(), partitions),
    ),
  );
  return {
    partitions: found.flatMap(({ partitions }) => partitions),
    checkpoints: found.flatMap(({ checkpoints }) => checkpoints),
  };
};

/** Of writers that have left no rows behind, and will append none. */
export const forgetCheckpoints = async (db: Queryable, writers: readonly number[]): Promise<void> => {
  if (writers.length > 0)
    await db.query("delete from fold_checkpoints where writer = any($1::integer[])", [writers]);
};
