// What happened beside changes of features, such as to an approval. The database writes an event with what it is about.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";

const OperatorEvent = z.object({
  id: z.number(),
  at: z.date(),
  kind: z.string(),
  document: z.record(z.string(), z.unknown()),
});
export type OperatorEvent = z.infer<typeof OperatorEvent>;

export const newestOperatorEventId = async (db: Queryable): Promise<number> => {
  const { rows } = await db.query<{ id: number | null }>("select max(id) as id from operator_events");
  return rows[0]?.id ?? 0;
};

/** Oldest first. One may be committed after another with a greater number. */
export const listOperatorEventsAfter = async (
  db: Queryable,
  id: number,
  limit: number,
): Promise<OperatorEvent[]> => {
  const { rows } = await db.query(
    `select id, at, kind, document || jsonb_build_object('at', at) as document from operator_events
     where id > $1 order by id limit $2`,
    [id, limit],
  );
  return rows.map((row) => OperatorEvent.parse(row));
};
