// The fold's thread: owns partitions, folds what the log has, sleeps, and again. It recovers by forgetting: after any
// error it drops its connection (and with it the partitions) and everything it remembers, and starts over from the
// database.
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { makePool, type Client, type Pool } from "../db/pool.ts";
import { DEDUPE_SECONDS, dropFoldedLogPartitions, ensureLogPartitions } from "../span-log/partitions.ts";
import { unfoldedSeconds, readFoldedKeys, readUnfolded, type LogRow } from "../span-log/read-log.ts";
import { makeAggregateStore } from "./aggregate-store.ts";
import { makeDedupe } from "./dedupe.ts";
import { foldBatch, makeColumns, unknownFeatures, type BatchReport, type FoldMemory } from "./fold-batch.ts";
import { FOLD_APPLICATION, fairShareOf, releaseExcess, takePartitions } from "./partition-ownership.ts";
import { pruneEndedEpochs } from "./prune-epochs.ts";
import { keepRawSpanPartitions } from "./raw-spans.ts";
import { makeUnitTable } from "./units/unit-table.ts";
import { readWindows, rulesFingerprint, syncWindows, type WindowsByFeature } from "./outcome-windows.ts";

export const WorkerOptions = z.strictObject({
  databaseUrl: z.string(),
  /** of one generation of the unit table; a power of two */
  unitSlots: z.number().int(),
  dedupeKeys: z.number().int(),
  rawKeepDays: z.number().int(),
});
export type WorkerOptions = z.infer<typeof WorkerOptions>;

/** What the thread tells the process. */
export type FoldReport =
  | ({ type: "state"; lagSeconds: number; owned: number } & BatchReport)
  | { type: "error"; message: string }
  | { type: "stopped" };

/** Rest between batches: three times what the last one took, so folding takes at most a quarter of a core's time. */
const MIN_REST_MS = 60;
const MAX_REST_MS = 750;
/** Behind by so many records, it rests as long as it worked: a burst is acknowledged first and counted next. */
const BACKLOG_RECORDS = 75_000;
/** Behind by so many seconds too, it does not rest. */
const MAX_LAG_S = 10;
/** A batch never has more records (but for a single row that has). */
const BATCH_RECORDS = 100_000;
/** A run of units: 0.3 s to index, and 40 runs hold ten million. */
const RUN_ROWS = 2 ** 18;
const OWNERSHIP_MS = 2_000;
const RULES_MS = 500;
const HOUSEKEEPING_MS = 60_000;
const RETRY_MS = 500;

const options = WorkerOptions.parse(workerData);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
const report = (message: FoldReport): void => parentPort?.postMessage(message);

const stop = new AbortController();
parentPort?.on("message", (message: unknown) => {
  if (message === "stop") stop.abort();
});
const rest = async (ms: number): Promise<void> => {
  await sleep(ms, undefined, { signal: stop.signal }).catch(() => {});
};

const recordsOf = (rows: readonly LogRow[]): number =>
  rows.reduce((sum, { spanKeys }) => sum + spanKeys.length / 8, 0);

/** Parts of at most BATCH_RECORDS; the order within each stream stays. */
const batchesOf = (rows: readonly LogRow[]): LogRow[][] => {
  const batches: LogRow[][] = [];
  let batch: LogRow[] = [];
  let records = 0;
  for (const row of rows) {
    const count = row.spanKeys.length / 8;
    if (batch.length > 0 && records + count > BATCH_RECORDS) {
      batches.push(batch);
      batch = [];
      records = 0;
    }
    batch.push(row);
    records += count;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
};

/** Does `work` at most every `everyMs`, the first time at once. */
const every = (everyMs: number, work: () => Promise<void>): (() => Promise<void>) => {
  let dueAt = 0;
  return async () => {
    if (performance.now() < dueAt) return;
    await work();
    dueAt = performance.now() + everyMs;
  };
};

/** One life: until it is told to stop or something fails. */
const live = async (client: Client, pool: Pool): Promise<void> => {
  const store = makeAggregateStore(client, RUN_ROWS);
  const memory: FoldMemory = {
    units: makeUnitTable(options.unitSlots),
    dedupe: makeDedupe(options.dedupeKeys),
    columns: makeColumns(0),
    features: new Map(),
  };
  const owned = new Map<number, number>();
  const total: BatchReport = { folded: 0, duplicates: 0, capped: 0 };
  let windows: WindowsByFeature = await readWindows(pool);
  let fingerprint = "";

  const reload = async (): Promise<void> => {
    windows = await readWindows(pool);
    memory.features.clear();
  };

  const settleOwnership = every(OWNERSHIP_MS, async () => {
    const share = await fairShareOf(client);
    // The rows of the lowest partition hold our latencies: they stay ours, since the highest ones are given back.
    const released = await releaseExcess(client, owned, share);
    const taken = await takePartitions(client, owned, share);
    if (released || taken.length > 0) await store.open(owned, taken.length > 0);
    if (taken.length === 0) return;
    // A partition that was ours before has been another's since: what is remembered of it may be out of date.
    memory.units.clear();
    for (const partition of taken) {
      await readFoldedKeys(client, partition, DEDUPE_SECONDS, (row) => {
        for (let at = 0; at < row.spanKeys.length; at += 8) {
          const low = row.spanKeys.readUInt32LE(at);
          const high = row.spanKeys.readUInt32LE(at + 4);
          if (low !== 0 || high !== 0) memory.dedupe.add(low, high, row.atMs);
        }
      });
    }
  });

  const followRules = every(RULES_MS, async () => {
    const now = await rulesFingerprint(client);
    if (now === fingerprint) return;
    await syncWindows(pool, []);
    fingerprint = now;
    await reload();
  });

  const keepHouse = every(HOUSEKEEPING_MS, async () => {
    await ensureLogPartitions(pool);
    await dropFoldedLogPartitions(pool);
    await keepRawSpanPartitions(pool, options.rawKeepDays);
    while (await pruneEndedEpochs(pool));
  });

  const fold = async (rows: readonly LogRow[]): Promise<void> => {
    const unknown = unknownFeatures(rows, windows.byKey);
    if (unknown.length > 0) {
      await syncWindows(pool, unknown);
      await reload();
    }
    for (;;) {
      const result = await foldBatch({ store, memory, windows, rows });
      if (result === "lost") throw new Error("another process has taken over a partition");
      if (result === "windowsChanged") {
        await reload();
        continue;
      }
      total.folded += result.folded;
      total.duplicates += result.duplicates;
      total.capped += result.capped;
      return;
    }
  };

  while (!stop.signal.aborted) {
    await keepHouse();
    await settleOwnership();
    await followRules();
    const beganAt = performance.now();
    const rows = owned.size === 0 ? [] : await readUnfolded(client, [...owned.keys()]);
    for (const batch of batchesOf(rows)) await fold(batch);
    const lagSeconds = await unfoldedSeconds(client);
    report({ type: "state", lagSeconds, owned: owned.size, ...total });
    const isBehind = recordsOf(rows) >= BACKLOG_RECORDS;
    // The lag is that of all partitions: without a backlog of its own a process cannot mend it by hurrying.
    if (isBehind && lagSeconds >= MAX_LAG_S) continue;
    if (!isBehind) await store.tidy();
    const tookMs = performance.now() - beganAt;
    await rest(isBehind ? tookMs : Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, tookMs * 3)));
  }
};

/** Acknowledging comes before counting: where the processor is short, this thread steps back. Linux knows how. */
const stepBack = (): void => {
  if (process.platform !== "linux") return;
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), 5);
  } catch {
    // A sandbox that forbids it: folding then has the same share as everything else.
  }
};

const main = async (): Promise<void> => {
  stepBack();
  while (!stop.signal.aborted) {
    const pool = makePool(options.databaseUrl, {
      applicationName: "sluice-fold-rules",
      max: 2,
      onIdleError: () => {},
    });
    const own = makePool(options.databaseUrl, {
      applicationName: FOLD_APPLICATION,
      max: 1,
      onIdleError: () => {},
    });
    try {
      const client = await own.connect();
      // A broken connection also rejects the query in work; without a listener it would end the thread.
      client.on("error", () => {});
      try {
        await live(client, pool);
      } finally {
        // Destroyed, not returned: the session's locks end here.
        client.release(true);
      }
    } catch (error) {
      report({
        type: "error",
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      await rest(RETRY_MS);
    } finally {
      await Promise.allSettled([pool.end(), own.end()]);
    }
  }
  report({ type: "stopped" });
  parentPort?.close();
};

await main();
