// The fold's work: own partitions, fold the rows that the log has, pause, and again.
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Pool } from "../db/pool.ts";
import { DEDUPE_SECONDS } from "../span-log/partitions.ts";
import { readFoldedKeys, readUnfolded, unfoldedSeconds, type LogRow } from "../span-log/read-log.ts";
import { SPAN_KEY_BYTES } from "../span-log/record.ts";
import { makeAggregateStore } from "./aggregate-store.ts";
import { foldBatch, unknownFeatures, type BatchReport } from "./batch/fold-batch.ts";
import { makeFoldMemory, type FoldMemory } from "./batch/fold-memory.ts";
import { isBehind, pauseAfter, splitIntoBatches } from "./pacing.ts";
import { fairShareOf, releaseExcess, takePartitions } from "./partition-ownership.ts";
import { readWindows, rulesFingerprint, syncWindows, type StoredWindows } from "./sync-windows.ts";

/** A run of units: 0.3 s to index, and 40 runs hold ten million. */
const RUN_ROWS = 2 ** 18;
const OWNERSHIP_MS = 2_000;
const RULES_MS = 500;

/** `leftOut`: spans that were left out of the counts, by reason. */
export type FoldState = {
  readonly lagSeconds: number;
  readonly owned: number;
  readonly leftOut: Readonly<Record<string, number>>;
} & BatchReport;

/** Does `work` at most every `everyMs`, the first time at once. */
const atMostEvery = (everyMs: number, work: () => Promise<void>): (() => Promise<void>) => {
  let dueAt = 0;
  return async () => {
    if (performance.now() < dueAt) return;
    await work();
    dueAt = performance.now() + everyMs;
  };
};

/** Spans of a partition that were folded lately: their duplicates may still come. */
const rememberFolded = (client: Client, partition: number, { dedupe }: FoldMemory): Promise<void> =>
  readFoldedKeys(client, partition, DEDUPE_SECONDS, ({ spanKeys, atMs }) => {
    for (let at = 0; at < spanKeys.length; at += SPAN_KEY_BYTES) {
      const low = spanKeys.readUInt32LE(at);
      const high = spanKeys.readUInt32LE(at + 4);
      if (low !== 0 || high !== 0) dedupe.add(low, high, atMs);
    }
  });

/**
 * Ends when `stop` fires, rejects when anything fails; its memory is then of no use. `client` is the session whose locks
 * own the partitions. `report` gets the state after each round.
 */
export const runFoldLoop = async (options: {
  client: Client;
  pool: Pool;
  limits: { unitSlots: number; dedupeKeys: number };
  stop: AbortSignal;
  report: (state: FoldState) => void;
}): Promise<void> => {
  const { client, pool, stop, report } = options;
  const store = makeAggregateStore(client, RUN_ROWS);
  const memory = makeFoldMemory(options.limits);
  const owned = new Map<number, number>();
  const total: BatchReport = { folded: 0, duplicates: 0, capped: 0, unsampled: 0 };
  let windows: StoredWindows = await readWindows(pool);
  let fingerprint = "";

  const reloadWindows = async (): Promise<void> => {
    windows = await readWindows(pool);
    memory.features.clear();
  };

  const balancePartitions = atMostEvery(OWNERSHIP_MS, async () => {
    const share = await fairShareOf(client);
    // The rows of the lowest partition hold this process's latencies. It keeps that one, since the highest are released.
    const released = await releaseExcess(client, owned, share);
    const taken = await takePartitions(client, owned, share);
    if (released || taken.length > 0) await store.open(owned, taken.length > 0);
    if (taken.length === 0) return;
    // Another process may have owned the partition since this one did: its units in memory may be out of date.
    memory.units.clear();
    for (const partition of taken) await rememberFolded(client, partition, memory);
  });

  const followRules = atMostEvery(RULES_MS, async () => {
    const now = await rulesFingerprint(client);
    if (now === fingerprint) return;
    await syncWindows(pool, []);
    fingerprint = now;
    await reloadWindows();
  });

  const fold = async (rows: readonly LogRow[]): Promise<void> => {
    const unknown = unknownFeatures(rows, windows.byKey);
    if (unknown.length > 0) {
      await syncWindows(pool, unknown);
      await reloadWindows();
    }
    for (;;) {
      const result = await foldBatch({ store, memory, windows, rows });
      if (result === "lost") throw new Error("another process has taken over a partition");
      if (result === "windowsChanged") {
        await reloadWindows();
        continue;
      }
      total.folded += result.folded;
      total.duplicates += result.duplicates;
      total.capped += result.capped;
      total.unsampled += result.unsampled;
      return;
    }
  };

  while (!stop.aborted) {
    await balancePartitions();
    await followRules();
    const beganAt = performance.now();
    const rows = owned.size === 0 ? [] : await readUnfolded(client, [...owned.keys()]);
    for (const batch of splitIntoBatches(rows)) {
      await fold(batch);
      await store.prepare();
    }
    const lagSeconds = await unfoldedSeconds(client);
    report({ lagSeconds, owned: owned.size, leftOut: store.uncounted.totals(), ...total });
    const behind = isBehind(rows);
    if (!behind) await store.maintain();
    const pauseMs = pauseAfter({ tookMs: performance.now() - beganAt, isBehind: behind, lagSeconds });
    if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: stop }).catch(() => {});
  }
};
