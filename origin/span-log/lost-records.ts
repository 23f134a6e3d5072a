// How much of what was acknowledged a new history of the database lacks, as after the promotion of a standby that lagged.
import type { Queryable } from "../db/pool.ts";

/** One commit of a stream. */
export type Acknowledged = { readonly writer: number; readonly seq: number; readonly records: number };

/** A commit is there if it lies in the log, or if a checkpoint is past it and its partition of the log was dropped. */
export const countLost = async (db: Queryable, commits: readonly Acknowledged[]): Promise<number> => {
  const { rows } = await db.query<{ writer: number; seq: number }>(
    `select writer, greatest(
         coalesce((select max(l.seq) from span_log l where l.writer = asked.writer), 0),
         coalesce((select max(c.seq) from fold_checkpoints c where c.writer = asked.writer), 0)) as seq
     from unnest($1::integer[]) as asked (writer)`,
    [[...new Set(commits.map(({ writer }) => writer))]],
  );
  const stored = new Map(rows.map(({ writer, seq }) => [writer, seq]));
  return commits.reduce(
    (sum, { writer, seq, records }) => sum + (seq > (stored.get(writer) ?? 0) ? records : 0),
    0,
  );
};
