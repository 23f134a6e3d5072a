// Appends to PostgreSQL's log: requests wait together for one commit at a time (group commit), so that durability
// costs one flush for all of them. A failed commit fails its requests; their clients send again.
import { setTimeout as sleep } from "node:timers/promises";
import { withClient, type Pool } from "../db/pool.ts";
import { copyInto } from "../db/copy.ts";
import { CopyBuffer } from "../db/copy-format.ts";
import { NO_PARTITION, sqlState } from "../db/errors.ts";
import { makeBlockBuilders } from "./block-builders.ts";
import { ensureLogPartitions } from "./partitions.ts";
import type { SpanLog } from "./span-log.ts";

type Waiter = { resolve: () => void; reject: (error: Error) => void };

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

/**
 * `gatherMs`: how long the first request of a commit waits for others to join it. The writer's number is taken from
 * the database when a stream begins, so two processes never share one.
 */
export const makeSpanLog = (options: { pool: Pool; gatherMs?: number }): SpanLog => {
  const { pool, gatherMs = 2 } = options;
  const builders = makeBlockBuilders();
  let waiters: Waiter[] = [];
  let committing: Promise<void> | undefined;
  let committingBytes = 0;
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

  /** The records that wait, as rows of the stream's next commit. */
  const takeRows = (stream: number): Buffer => {
    copy.clear();
    seq++;
    for (const { partition, records, spanKeys, parts } of builders.takeBlocks()) {
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

  const commit = async (rows: Buffer): Promise<void> => {
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

  const takeWaiting = (): Waiter[] => {
    const taken = waiters;
    waiters = [];
    return taken;
  };

  const commitWaiting = async (): Promise<void> => {
    let committed: Waiter[] | undefined;
    try {
      writer ??= await takeWriter();
      committed = takeWaiting();
      committingBytes = builders.size();
      const rows = takeRows(writer);
      if (copy.rows > 0) await commit(rows);
      for (const waiter of committed) waiter.resolve();
    } catch (cause) {
      endStream();
      if (committed === undefined) builders.takeBlocks();
      const error = new Error("telemetry could not be stored", { cause });
      for (const waiter of committed ?? takeWaiting()) waiter.reject(error);
    }
  };

  const run = async (): Promise<void> => {
    while (waiters.length > 0) {
      if (gatherMs > 0) await sleep(gatherMs);
      await commitWaiting();
    }
    committing = undefined;
    committingBytes = 0;
  };

  return {
    append: (records) => {
      for (const record of records) builders.add(record);
      const durable = new Promise<void>((resolve, reject) => waiters.push({ resolve, reject }));
      committing ??= run();
      return durable;
    },
    pendingBytes: () => builders.size() + committingBytes,
    stop: async () => {
      await committing;
    },
  };
};
