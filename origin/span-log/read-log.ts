// Reads PostgreSQL's log for the fold: rows beyond its checkpoints in the order of each stream, and how far it is behind.
import { copyFrom } from "../db/copy.ts";
import { withClient, type Client, type Pool } from "../db/pool.ts";
import {
  MOST_OF_A_STREAM,
  mostBehind,
  type Checkpoint,
  type FoldPositions,
  type LogRow,
  type SpanLogReader,
} from "./span-log.ts";

/**
 * All writers of the log, by a loose index scan: one probe of the index for each. `until` keeps the planner and the scan
 * out of the partitions of the next days: with 49 of them a read takes 0.7 ms instead of 4.
 */
const withWriters = (until: string): string => `
  with recursive writers as (
    (select writer from span_log where at < ${until} order by writer limit 1)
    union all
    select (
      select l.writer from span_log l where l.writer > w.writer and l.at < ${until} order by l.writer limit 1)
    from writers w where w.writer is not null
  )`;

/** Later than any row. Not the time of this machine: rows bear the database's. */
const SOON = "now() + interval '1 hour'";
const SOON_FOR_MS = 60_000;
type Soon = (client: Client) => Promise<string>;

/** SOON as a literal, asked once a minute: it stays later than any row for an hour. */
const makeSoon = (): Soon => {
  let known: { readonly soon: string; readonly atMs: number } | undefined;
  return async (client) => {
    const atMs = performance.now();
    if (known !== undefined && atMs - known.atMs < SOON_FOR_MS) return known.soon;
    const { rows } = await client.query<{ soon: string }>({
      name: "soon",
      text: `select quote_literal((${SOON})::text) || '::timestamptz' as soon`,
    });
    if (rows[0] === undefined) throw new Error("the database does not know the time");
    known = { soon: rows[0].soon, atMs };
    return known.soon;
  };
};

const within = ({ partitions, checkpoints }: FoldPositions): readonly Checkpoint[] =>
  checkpoints.filter(({ partition }) => partitions.includes(partition));

const listed = (numbers: readonly number[]): string => `'{${numbers.map(Number).join(",")}}'`;

/** COPY takes no parameters: numbers only. */
const copiedCheckpoints = (checkpoints: readonly Checkpoint[]): string =>
  `unnest(${listed(checkpoints.map(({ partition }) => partition))}::smallint[],
    ${listed(checkpoints.map(({ writer }) => writer))}::integer[],
    ${listed(checkpoints.map(({ seq }) => seq))}::bigint[]) as c(partition, writer, seq)`;

/** Each stream is one probe of the index, so the cost does not grow with the rows that are already folded. */
const readUnfolded = async (client: Client, soon: Soon, positions: FoldPositions): Promise<LogRow[]> => {
  const rows: LogRow[] = [];
  const until = await soon(client);
  await copyFrom(
    client,
    `${withWriters(until)}
     select l.partition, l.writer, l.seq, l.at, l.span_keys, l.block
     from writers w
     cross join unnest(${listed(positions.partitions)}::smallint[]) as p(partition)
     left join ${copiedCheckpoints(within(positions))} on c.partition = p.partition and c.writer = w.writer
     cross join lateral (
       select * from (
         select s.*, sum(s.records) over (order by s.seq) - s.records as before
         from (
           select * from span_log
           where writer = w.writer and partition = p.partition and seq > coalesce(c.seq, 0) and at < ${until}
           order by seq limit ${MOST_OF_A_STREAM.rows}
         ) s
       ) s
       where s.before < ${MOST_OF_A_STREAM.records}
       order by s.seq
     ) l
     where w.writer is not null`,
    (row) => {
      rows.push({
        partition: row.int2(),
        writer: row.int4(),
        seq: row.int8(),
        atMs: row.timestamp(),
        spanKeys: row.bytes(),
        block: row.bytes(),
      });
    },
  );
  return rows;
};

const unfoldedByPartition = async (
  pool: Pool,
  positions: FoldPositions,
): Promise<ReadonlyMap<number, number>> => {
  const checkpoints = within(positions);
  const { rows } = await pool.query<{ partition: number; seconds: number }>({
    name: "unfolded-by-partition",
    text: `${withWriters(SOON)}
      select p.partition, extract(epoch from clock_timestamp() - min(l.at))::float8 as seconds
      from writers w
      cross join unnest($1::smallint[]) as p(partition)
      left join unnest($2::smallint[], $3::integer[], $4::bigint[]) as c(partition, writer, seq)
        on c.partition = p.partition and c.writer = w.writer
      cross join lateral (
        select s.at from span_log s
        where s.writer = w.writer and s.partition = p.partition and s.seq > coalesce(c.seq, 0) and s.at < ${SOON}
        order by s.seq limit 1
      ) l
      where w.writer is not null
      group by p.partition`,
    values: [
      positions.partitions,
      checkpoints.map(({ partition }) => partition),
      checkpoints.map(({ writer }) => writer),
      checkpoints.map(({ seq }) => seq),
    ],
  });
  return new Map(rows.map(({ partition, seconds }) => [partition, Math.max(0, seconds)]));
};

const readStreamKeys = async (
  client: Client,
  { partition, writer, seq: foldedSeq }: Checkpoint,
  seconds: number,
  visit: (row: { atMs: number; spanKeys: Buffer }) => void,
): Promise<void> => {
  let before = 0;
  await copyFrom(
    client,
    `select seq, at, span_keys
     from span_log
     where writer = ${writer} and partition = ${partition} and seq <= ${foldedSeq}
       and at > clock_timestamp() - make_interval(secs => ${seconds})
     order by seq`,
    (row) => {
      const seq = row.int8();
      if (seq <= before || seq > foldedSeq)
        throw new Error(`stream ${writer}/${partition} gave ${seq}, asked (${before}, ${foldedSeq}]`);
      before = seq;
      visit({ atMs: row.timestamp(), spanKeys: row.bytes() });
    },
  );
};

/** A connection on which a read has failed is dropped: rows of it may still be on the way. */
const reading = <T>(pool: Pool, read: (client: Client) => Promise<T>): Promise<T> =>
  withClient(pool, async (client, drop) => {
    try {
      return await read(client);
    } catch (error) {
      drop(error);
      throw error;
    }
  });

/** The reader of PostgreSQL's log, on connections of `pool`. */
export const makePostgresLogReader = (pool: Pool): SpanLogReader => {
  const soon = makeSoon();
  return {
    readUnfolded: (positions) => reading(pool, (client) => readUnfolded(client, soon, positions)),
    unfoldedSeconds: async (positions) => mostBehind(await unfoldedByPartition(pool, positions)),
    unfoldedByPartition: (positions) => unfoldedByPartition(pool, positions),
    readFoldedKeys: (positions, seconds, visit) =>
      reading(pool, async (client) => {
        for (const stream of within(positions)) await readStreamKeys(client, stream, seconds, visit);
      }),
  };
};
