// The numbers by which checkpoints name the streams of JetStream's log. PostgreSQL's writers have theirs from the same sequence, so
// both logs can be read at once.
import type { Queryable } from "../../db/pool.ts";

export type StreamWriter = {
  readonly partition: number;
  readonly writer: number;
  /** blocks up to this one are folded, whatever the checkpoint says */
  readonly beginsAfter: number;
  readonly losses: number;
};

/** A stream that is made anew under its name begins again with 1: the time at which it was made tells them apart. */
export const streamKey = (name: string, created: string): string => `${name} of ${created}`;

/** The present number of each of these streams that has one. */
export const readStreamWriters = async (
  db: Queryable,
  streams: readonly string[],
): Promise<Map<string, StreamWriter>> => {
  const { rows } = await db.query<StreamWriter & { stream: string }>({
    name: "read-stream-writers",
    text: `select distinct on (stream) stream, partition, writer, begins_after as "beginsAfter", losses
           from span_log_streams where stream = any($1::text[]) order by stream, losses desc`,
    values: [streams],
  });
  return new Map(rows.map(({ stream, ...writer }) => [stream, writer]));
};

export type EndedStream = StreamWriter & {
  /** where it ended when a process last looked; null: nobody has */
  readonly lastSeq: number | null;
  readonly lookedAt: Date | null;
};

/** The stream that had this name before `writer`; null: there was none. */
export const readStreamBefore = async (
  db: Queryable,
  name: string,
  { writer }: StreamWriter,
): Promise<EndedStream | null> => {
  const { rows } = await db.query<EndedStream>(
    `select partition, writer, begins_after as "beginsAfter", losses, last_seq as "lastSeq", looked_at as "lookedAt"
     from span_log_streams where starts_with(stream, $1 || ' of ') and writer < $2 order by writer desc limit 1`,
    [name, writer],
  );
  return rows[0] ?? null;
};

/** Gives the stream a number, or another one from `beginsAfter` on. Processes that do so at once give it the same. */
export const nameStream = async (
  db: Queryable,
  stream: { readonly key: string; readonly partition: number },
  { losses, beginsAfter }: Pick<StreamWriter, "losses" | "beginsAfter">,
): Promise<StreamWriter> => {
  await db.query(
    `insert into span_log_streams (partition, stream, losses, begins_after) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [stream.partition, stream.key, losses, beginsAfter],
  );
  const found = (await readStreamWriters(db, [stream.key])).get(stream.key);
  if (found === undefined) throw new Error(`the stream ${stream.key} got no number`);
  return found;
};

/** Stores where streams end, for processes that do not read them. One that has no number yet gets it. */
export const noteStreamEnds = async (
  db: Queryable,
  ends: readonly { readonly key: string; readonly partition: number; readonly lastSeq: number }[],
): Promise<void> => {
  const known = await readStreamWriters(
    db,
    ends.map(({ key }) => key),
  );
  for (const { key, partition } of ends)
    if (!known.has(key)) await nameStream(db, { key, partition }, { losses: 0, beginsAfter: 0 });
  await db.query(
    `update span_log_streams s set last_seq = e.last_seq, looked_at = clock_timestamp()
     from unnest($1::text[], $2::bigint[]) as e(stream, last_seq)
     where s.stream = e.stream
       and not exists (select from span_log_streams n where n.stream = s.stream and n.losses > s.losses)`,
    [ends.map(({ key }) => key), ends.map(({ lastSeq }) => lastSeq)],
  );
};
