// Appends to PostgreSQL's log, one commit at a time.
import { withClient, type Pool } from "../db/pool.ts";
import { copyInto } from "../db/copy.ts";
import { CopyBuffer } from "../db/copy-format.ts";
import { NO_PARTITION, sqlState } from "../db/errors.ts";
import type { EncodedBlock } from "./block-builders.ts";
import { makeGroupCommits } from "./group-commit.ts";
import { ensureLogPartitions } from "./partitions.ts";
import { countLost, type Acknowledged } from "./lost-records.ts";
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

/** Some minutes of a busy process. */
const KEPT_COMMITS = 20_000;

const sumOf = (blocks: readonly EncodedBlock[]): number =>
  blocks.reduce((sum, { records }) => sum + records, 0);

/**
 * The writer's number is taken from the database when a stream begins, so two processes never share one. A stream ends with the
 * history of the database: a promoted standby that lagged may give its number to another process. `onLost` hears how many
 * acknowledged records the new history lacks; null: that could not be counted.
 */
export const makeSpanLog = (options: {
  pool: Pool;
  /** how many the log has */
  partitions: number;
  gatherMs?: number;
  onLost?: (records: number | null) => void;
}): SpanLog => {
  const { pool, partitions, gatherMs = 2, onLost = () => {} } = options;
  let writer: number | undefined;
  let seq = 0;
  let place: string | undefined;
  /** Whether no connection was made since `place` was read: each may lead to another server. */
  let isSure = false;
  pool.on("connect", () => {
    isSure = false;
  });
  let acknowledged: Acknowledged[] = [];
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

  const tellLost = async (commits: readonly Acknowledged[]): Promise<void> => {
    const records = await countLost(pool, commits).catch(() => null);
    if (records !== 0) onLost(records);
  };

  /** A new history is no reason to wait: what it lacks is counted beside the next commits. */
  const noteHistory = async (): Promise<void> => {
    const { rows } = await pool.query<{ place: string }>("select history_place() as place");
    const here = rows[0]?.place;
    if (place !== undefined && here !== place) {
      endStream();
      const before = acknowledged;
      acknowledged = [];
      void tellLost(before);
    }
    place = here;
  };

  return makeGroupCommits({
    partitions,
    gatherMs,
    atOnce: 1,
    prepare: async () => {
      if (isSure && writer !== undefined) return;
      await noteHistory();
      writer ??= await takeWriter();
      isSure = true;
    },
    commit: async (blocks) => {
      if (writer === undefined) throw new Error("unreachable: a commit without a stream");
      try {
        await insert(toRows(blocks, writer));
        acknowledged.push({ writer, seq, records: sumOf(blocks) });
        if (acknowledged.length > 2 * KEPT_COMMITS) acknowledged = acknowledged.slice(-KEPT_COMMITS);
      } catch (error) {
        endStream();
        throw error;
      }
    },
  });
};
