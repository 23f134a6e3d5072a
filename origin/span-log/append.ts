// Appends to PostgreSQL's log, one commit at a time.
import { withClient, type Pool } from "../db/pool.ts";
import { copyInto } from "../db/copy.ts";
import { CopyBuffer } from "../db/copy-format.ts";
import { NO_PARTITION, sqlState } from "../db/errors.ts";
import type { EncodedBlock } from "./block-builders.ts";
import { makeGroupCommits } from "./group-commit.ts";
import { ensureLogPartitions } from "./partitions.ts";
import type { SpanLog } from "./span-log.ts";

/** A connection that failed is dropped: the commit may still be under way on it. */
const insertRows = (pool: Pool, rows: Buffer): Promise<void> =>
  withClient(pool, async (client, drop) => {
    try {
      await copyInto(client, "span_log (writer, partition, seq, records, span_keys, block)", rows);
    } catch (error) {
      drop(error);
      throw error;
    }
  });

/** The writer's number is taken from the database when a stream begins, so two processes never share one. */
export const makeSpanLog = (options: { pool: Pool; gatherMs?: number }): SpanLog => {
  const { pool, gatherMs = 2 } = options;
  let writer: number | undefined;
  let seq = 0;
  const copy = new CopyBuffer();

  const takeWriter = async (): Promise<number> => {
    const { rows } = await pool.query<{ writer: number }>(
      "select nextval('telemetry_writer')::integer as writer",
    );
    const number = rows[0]?.writer;
    if (number === undefined) throw new Error("the sequence telemetry_writer gave no number");
    return number;
  };

  /** The blocks as rows of the stream's next commit. */
  const toRows = (blocks: readonly EncodedBlock[], stream: number): Buffer => {
    copy.clear();
    seq++;
    for (const { partition, records, spanKeys, parts } of blocks) {
      copy.row(6);
      copy.int4(stream);
      copy.int2(partition);
      copy.int8(seq >>> 0, Math.floor(seq / 2 ** 32));
      copy.int4(records);
      copy.joined([spanKeys]);
      copy.joined(parts);
    }
    return copy.finish();
  };

  const insert = async (rows: Buffer): Promise<void> => {
    try {
      await insertRows(pool, rows);
    } catch (error) {
      if (sqlState(error) !== NO_PARTITION) throw error;
      await ensureLogPartitions(pool, 1);
      await insertRows(pool, rows);
    }
  };

  /**
   * A commit whose answer was lost may still happen, later than the next one. If both were in one stream, a checkpoint
   * could pass the lost one, and records that clients send again would count as folded. So each failure ends the stream.
   */
  const endStream = (): void => {
    writer = undefined;
    seq = 0;
  };

  return makeGroupCommits({
    gatherMs,
    atOnce: 1,
    prepare: async () => {
      writer ??= await takeWriter();
    },
    commit: async (blocks) => {
      if (writer === undefined) throw new Error("unreachable: a commit without a stream");
      try {
        await insert(toRows(blocks, writer));
      } catch (error) {
        endStream();
        throw error;
      }
    },
  });
};
