// Group commit: requests wait together for one commit, so that durability costs one flush for all of them. A failed commit
// fails its requests; their clients send again.
import { setTimeout as sleep } from "node:timers/promises";
import { makeBlockBuilders, type EncodedBlock } from "./block-builders.ts";
import type { SpanLog } from "./span-log.ts";

type Waiter = { resolve: () => void; reject: (error: Error) => void };

export type GroupCommitOptions = {
  /** How many the log has. */
  readonly partitions: number;
  /** How long the first request of a commit waits for others to join it. */
  readonly gatherMs: number;
  /** Commits that may be under way at once. */
  readonly atOnce: number;
  /** A larger block is divided. */
  readonly maxBlockBytes?: number;
  /** Before the blocks of a commit are taken. */
  readonly prepare?: () => Promise<void>;
  /** Makes the blocks durable. It is done with their memory before it first waits. */
  readonly commit: (blocks: readonly EncodedBlock[]) => Promise<void>;
};

export const makeGroupCommits = (options: GroupCommitOptions): SpanLog => {
  const { gatherMs, atOnce, prepare, commit } = options;
  const builders = makeBlockBuilders(options.partitions, options.maxBlockBytes);
  const underWay = new Set<Promise<void>>();
  let waiters: Waiter[] = [];
  let running: Promise<void> | undefined;
  let committingBytes = 0;

  const takeWaiting = (): Waiter[] => {
    const taken = waiters;
    waiters = [];
    return taken;
  };

  const commitWaiting = async (): Promise<void> => {
    let committed: Waiter[] | undefined;
    let bytes = 0;
    try {
      if (prepare !== undefined) await prepare();
      committed = takeWaiting();
      bytes = builders.size();
      committingBytes += bytes;
      const blocks = builders.takeBlocks();
      if (blocks.length > 0) await commit(blocks);
      for (const waiter of committed) waiter.resolve();
    } catch (cause) {
      if (committed === undefined) builders.takeBlocks();
      const error = new Error("telemetry could not be stored", { cause });
      for (const waiter of committed ?? takeWaiting()) waiter.reject(error);
    } finally {
      committingBytes -= bytes;
    }
  };

  const run = async (): Promise<void> => {
    while (waiters.length > 0) {
      if (gatherMs > 0) await sleep(gatherMs);
      const commitment = commitWaiting().finally(() => underWay.delete(commitment));
      underWay.add(commitment);
      if (underWay.size >= atOnce) await Promise.race(underWay);
    }
    running = undefined;
  };

  return {
    append: (records) => {
      for (const record of records) builders.add(record);
      const durable = new Promise<void>((resolve, reject) => waiters.push({ resolve, reject }));
      running ??= run();
      return durable;
    },
    pendingBytes: () => builders.size() + committingBytes,
    stop: async () => {
      await running;
      await Promise.all(underWay);
    },
  };
};
