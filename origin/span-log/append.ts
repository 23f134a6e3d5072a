// The log of acknowledged telemetry: requests wait together for one commit at a time (group commit), so durability
// costs one flush for all of them. A failed commit fails its requests; their clients send again.
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "../db/pool.ts";
import { makeBlockBuilders, type BlockBuilders, type SealedBlock } from "./block.ts";
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

const insertBlocks = async (
  pool: Pool,
  writer: number,
  seq: number,
  blocks: readonly SealedBlock[],
): Promise<void> => {
  const rows = blocks.map((_, i) => {
    const at = i * 4 + 2;
    return `($1, $${at + 1}, $2, $${at + 2}, $${at + 3}, $${at + 4})`;
  });
  await pool.query({
    name: `append-span-log-${blocks.length}`,
    text: `insert into span_log (writer, partition, seq, records, span_keys, block) values ${rows.join(", ")}`,
    values: [
      writer,
      seq,
      ...blocks.flatMap(({ partition, records, spanKeys, block }) => [partition, records, spanKeys, block]),
    ],
  });
};

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

  const takeWriter = async (): Promise<number> => {
    const { rows } = await pool.query<{ writer: number }>(
      "select nextval('telemetry_writer')::integer as writer",
    );
    const number = rows[0]?.writer;
    if (number === undefined) throw new Error("the sequence telemetry_writer gave no number");
    return number;
  };

  const commit = async (blocks: readonly SealedBlock[]): Promise<void> => {
    writer ??= await takeWriter();
    seq++;
    try {
      await insertBlocks(pool, writer, seq, blocks);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === NO_PARTITION)) throw error;
      await ensureLogPartitions(pool);
      await insertBlocks(pool, writer, seq, blocks);
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

  const run = async (): Promise<void> => {
    while (waiters.length > 0) {
      if (gatherMs > 0) await sleep(gatherMs);
      const served = waiters;
      waiters = [];
      committingBytes = builders.size();
      try {
        const blocks = builders.seal();
        if (blocks.length > 0) await commit(blocks);
        for (const waiter of served) waiter.resolve();
      } catch (cause) {
        endStream();
        const error = new Error("telemetry could not be stored", { cause });
        for (const waiter of served) waiter.reject(error);
      }
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
