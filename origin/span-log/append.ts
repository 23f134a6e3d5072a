// The log of acknowledged telemetry: requests wait together for one commit at a time (group commit), so durability
// costs one flush for all of them. A failed commit fails its requests; their clients send again.
import { setTimeout as sleep } from "node:timers/promises";
import { withClient, type Pool } from "../db/pool.ts";
import { CopyBuffer, copyInto } from "../db/copy.ts";
import { makeBlockBuilders, type BlockBuilders } from "./block.ts";
import { ensureLogPartitions } from "./partitions.ts";

/** Where acknowledged telemetry goes: PostgreSQL here; the door for another log. */
export type SpanLog = {
  /**
   * `write` adds records to what waits for the next commit. The promise resolves when they are durable and rejects
   * when they may not be. When `write` returns false, what it added is taken back and there is nothing to wait for.
   */
  readonly append: (write: (builders: BlockBuilders) => boolean) => Promise<void> | null;
  /** Bytes accepted and not yet durable. */
  readonly pendingBytes: () => number;
  /** Waits until everything accepted is durable or refused. */
  readonly stop: () => Promise<void>;
};

type Waiter = { resolve: () => void; reject: (error: Error) => void };

const NO_PARTITION = "23514";

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

  /** What waits, as rows of the stream's next commit. */
  const takeRows = (stream: number): Buffer => {
    copy.clear();
    seq++;
    for (const { partition, records, spanKeys, parts } of builders.seal()) {
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
      if (!(error instanceof Error && "code" in error && error.code === NO_PARTITION)) throw error;
      await ensureLogPartitions(pool);
      await insertRows(pool, rows);
    }
  };

  /**
   * A commit whose answer was lost may still happen, later than the next one. Were both in one stream, a checkpoint
   * could pass it by, and what clients send again would be taken for folded. So each failure ends the stream.
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
    let served: Waiter[] | undefined;
    try {
      writer ??= await takeWriter();
      served = takeWaiting();
      committingBytes = builders.size();
      const rows = takeRows(writer);
      if (copy.rows > 0) await commit(rows);
      for (const waiter of served) waiter.resolve();
    } catch (cause) {
      endStream();
      if (served === undefined) builders.seal();
      const error = new Error("telemetry could not be stored", { cause });
      for (const waiter of served ?? takeWaiting()) waiter.reject(error);
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
    append: (write) => {
      builders.mark();
      if (!write(builders)) {
        builders.reset();
        return null;
      }
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
