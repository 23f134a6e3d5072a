// The fold's work: own partitions, fold the rows that the log has, pause, and again.
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Pool, Queryable } from "../db/pool.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { errorText } from "../runtime/error-text.ts";
import { DEDUPE_SECONDS } from "../span-log/partitions.ts";
import { SPAN_KEY_BYTES } from "../span-log/record.ts";
import {
  SpanLogUnreachable,
  type FoldPositions,
  type LogRow,
  type SpanLogReader,
} from "../span-log/span-log.ts";
import { makeAggregateStore } from "./aggregate-store.ts";
import { foldBatch, unknownFeatures, type BatchReport } from "./batch/fold-batch.ts";
import type { Aside } from "./batch/find-units.ts";
import { makeFoldMemory, type FoldMemory } from "./batch/fold-memory.ts";
import { readAllPositions, readPositions } from "./checkpoints.ts";
import { isBehind, pauseAfter, splitIntoBatches } from "./pacing.ts";
import type { RawSpanSink } from "./raw-spans/raw-span-sink.ts";
import { OWNERSHIP_MS, SILENT_MS } from "./fair-share.ts";
import { makeOwnShare, type Sharing } from "./own-share.ts";
import { partitionsAskedFor, releaseExcess, takePartitions } from "./partition-ownership.ts";
import { makeQuarantine, type QuarantineEvent } from "./set-aside/make-quarantine.ts";
import { readWindows, syncWindows, type StoredWindows, type UnsyncedFeature } from "./sync-windows.ts";

/** A run of units: 0.3 s to index, and 40 runs hold ten million. */
export const RUN_ROWS = 2 ** 18;
const NO_ROWS: Aside["rows"] = new Set();
/** How often a process asks for the lag: nothing depends on it more closely, and it takes longer than to read an empty log. */
const LAG_MS = 500;
const LAG_AT_LEAST_EVERY_MS = 5_000;

/** Pauses until what is set aside is tried again. A changed rule is a reason to try at once. */
const TRY_AGAIN = { firstMs: 1_000, mostMs: 60_000 };
/** Records of a batch that is examined, because the one before has failed. */
const EXAMINED_RECORDS = 20_000;

export type OwnedHere = { readonly all: () => number; readonly ofQuota: () => number };

export type FoldState = {
  readonly lagSeconds: number;
  readonly owned: number;
  /** spans that were left out of the counts, by reason */
  readonly leftOut: Readonly<Record<string, number>>;
  /** records that cannot be counted at the moment, by feature; absent when nobody has looked anew */
  readonly setAsideByFeature?: Readonly<Record<string, number>>;
} & BatchReport;

/** Does `work` at most every `everyMs`, the first time at once, and again in the next round while it is not done. */
const atMostEvery = (everyMs: number, work: () => Promise<"done" | "again">): (() => Promise<void>) => {
  let dueAt = 0;
  return async () => {
    if (performance.now() >= dueAt && (await work()) === "done") dueAt = performance.now() + everyMs;
  };
};

/** While `work` does not use the session, it says now and then that it is there: the server ends one that is silent. */
const makeKeepAlive =
  (client: Client, everyMs: number) =>
  async <T>(work: Promise<T>): Promise<T> => {
    const done = new AbortController();
    const beating = (async () => {
      while (!done.signal.aborted) {
        await sleep(everyMs, undefined, { signal: done.signal }).catch(() => {});
        // A session that broke is noticed by its next work.
        if (!done.signal.aborted) await client.query("select").catch(() => {});
      }
    })();
    try {
      return await work;
    } finally {
      done.abort();
      await beating;
    }
  };

/** Spans of partitions that were folded lately: their duplicates may still come. */
const rememberFolded = (
  log: SpanLogReader,
  positions: FoldPositions,
  { dedupe }: FoldMemory,
): Promise<void> =>
  log.readFoldedKeys(positions, DEDUPE_SECONDS, ({ spanKeys, atMs }) => {
    for (let at = 0; at < spanKeys.length; at += SPAN_KEY_BYTES) {
      const low = spanKeys.readUInt32LE(at);
      const high = spanKeys.readUInt32LE(at + 4);
      if (low !== 0 || high !== 0) dedupe.add(low, high, atMs);
    }
  });

/**
 * Ends when `stop` fires, rejects when anything fails; its memory is then of no use. `client` is the session whose locks
 * own the partitions. `report` gets the state after each round. `hasFailed`: the loop before this one ended with an error, so
 * the first batches are examined for what makes them fail.
 */
export const runFoldLoop = async (options: {
  client: Client;
  /** of the database that the partitions live in */
  pool: Pool;
  /** The main database, which has the rules. */
  rules: Queryable;
  /** Resolves to another value when they may have changed. */
  rulesFingerprint: () => Promise<string>;
  sharing: Sharing;
  /** In how many databases this process owns partitions. */
  databases: () => number;
  /** How many loops the process has, one for each database that it may own partitions in. */
  loops: number;
  ownershipMs?: number;
  silentMs?: number;
  spanLog: SpanLogReader;
  makeRawSpans: () => RawSpanSink;
  limits: { unitSlots: number; dedupeKeys: number };
  stop: AbortSignal;
  hasFailed: boolean;
  report: (state: FoldState) => void;
  /** Gets what tells at any time how many partitions this loop owns, and how many of them are of the quota. */
  onStart: (owned: OwnedHere) => void;
  onEvent: (event: QuarantineEvent) => void;
  /** the log cannot be asked how far behind the fold is */
  onLogProblem: (problem: string) => void;
}): Promise<void> => {
  const { client, pool, rules, spanLog, makeRawSpans, stop, report } = options;
  const { ownershipMs = OWNERSHIP_MS, silentMs = SILENT_MS } = options;
  const keepAlive = makeKeepAlive(client, silentMs / 4);
  const store = makeAggregateStore(client, RUN_ROWS, makeRawSpans());
  const memory = makeFoldMemory(options.limits);
  const owned = new Map<number, number>();
  const total: BatchReport = { folded: 0, duplicates: 0, capped: 0, unsampled: 0, setAside: 0 };
  let windows: StoredWindows = await readWindows(pool);
  let fingerprint = "";
  let attempts = 0;
  let tryAgainAt = 0;

  const reloadWindows = async (): Promise<void> => {
    windows = await readWindows(pool);
    memory.features.clear();
  };

  const learnWindows = async (rows: readonly LogRow[], aside: Aside): Promise<readonly UnsyncedFeature[]> => {
    const unknown = unknownFeatures(rows, aside, windows.byKey);
    if (unknown.length === 0) return [];
    const unsynced = await keepAlive(syncWindows({ rules, pool }, unknown));
    await reloadWindows();
    return unsynced;
  };

  const quarantine = makeQuarantine({
    client,
    pool,
    runRows: RUN_ROWS,
    makeRawSpans,
    owned,
    windows: () => windows,
    learnWindows,
    onEvent: options.onEvent,
  });

  const ownShare = makeOwnShare(client, owned, options.sharing);
  options.onStart({ all: () => owned.size, ofQuota: ownShare.ofQuota });

  let isShareKnown = false;
  const balancePartitions = atMostEvery(ownershipMs, async () => {
    const share = await ownShare.read();
    isShareKnown = share !== null;
    // It keeps what it has meanwhile.
    if (share === null) return "again";
    if (share === 0 && owned.size === 0) return "done";
    const askedFor = await partitionsAskedFor(client);
    // The rows of the lowest partition may hold what this process counts of all. It keeps that one, since the highest are released.
    const released = await releaseExcess(client, owned, share, askedFor);
    const taken = await takePartitions(client, owned, share, askedFor);
    if (released || taken.length > 0) {
      await store.open(owned, taken.length > 0);
      await quarantine.reload();
    }
    if (taken.length === 0) return "done";
    // Another process may have owned the partition since this one did: its units in memory may be out of date.
    memory.units.clear();
    const positions = await readPositions(client, taken);
    await keepAlive(rememberFolded(spanLog, positions, memory));
    return "done";
  });

  const followRules = async (): Promise<void> => {
    const now = await options.rulesFingerprint();
    if (now === fingerprint) return;
    const unsynced = await keepAlive(syncWindows({ rules, pool }, []));
    fingerprint = now;
    attempts = tryAgainAt = 0;
    await reloadWindows();
    for (const { feature, error } of unsynced)
      options.onEvent({ kind: "rulePassedOver", ...feature, reason: errorText(error) });
  };

  const fold = async (rows: readonly LogRow[], aside: Aside): Promise<void> => {
    const [unsynced] = await learnWindows(rows, aside);
    if (unsynced !== undefined) throw new Error("a feature got no windows", { cause: unsynced.error });
    for (;;) {
      const result = await foldBatch({ store, memory, windows, rows, aside });
      if (result === "lost") throw new Error("another process has taken over a partition");
      if (result === "windowsChanged") {
        await reloadWindows();
        continue;
      }
      total.folded += result.folded;
      total.duplicates += result.duplicates;
      total.capped += result.capped;
      total.unsampled += result.unsampled;
      total.setAside += result.setAside;
      return;
    }
  };

  const countSetAsideAgain = async (): Promise<Pick<FoldState, "setAsideByFeature">> => {
    if (owned.size === 0 || performance.now() < tryAgainAt) return {};
    if (await quarantine.tryAgain(fold)) attempts = 0;
    else tryAgainAt = performance.now() + backoffMs(attempts++, TRY_AGAIN);
    return { setAsideByFeature: await quarantine.count() };
  };

  /** Null while the log does not answer. What the fold remembers stays right meanwhile: it goes on when the log is back. */
  let lagSeconds: number | null = null;
  const readLag = atMostEvery(Math.min(LAG_MS * options.loops, LAG_AT_LEAST_EVERY_MS), async () => {
    const positions = await readAllPositions(client);
    try {
      lagSeconds = await keepAlive(spanLog.unfoldedSeconds(positions));
    } catch (error) {
      if (!(error instanceof SpanLogUnreachable)) throw error;
      options.onLogProblem(errorText(error));
      lagSeconds = null;
    }
    return "done";
  });

  const readUnfolded = async (): Promise<LogRow[]> => {
    const positions = await readPositions(client, [...owned.keys()]);
    return keepAlive(spanLog.readUnfolded(positions));
  };

  /** Where nothing is owned there is nothing to do but to look at the shares, and to tell the lag. */
  const untilNextLookMs = ownershipMs / 2;
  let isSuspicious = options.hasFailed;
  let emptyRounds = 0;
  while (!stop.aborted) {
    await balancePartitions();
    if (owned.size > 0) await followRules();
    const beganAt = performance.now();
    const rows = owned.size === 0 ? [] : await readUnfolded();
    for (const batch of isSuspicious ? splitIntoBatches(rows, EXAMINED_RECORDS) : splitIntoBatches(rows)) {
      const unreadable = isSuspicious ? await quarantine.examine(batch) : NO_ROWS;
      await fold(batch, { features: quarantine.features(), rows: unreadable });
      await store.prepare();
    }
    if (rows.length > 0) isSuspicious = false;
    emptyRounds = owned.size > 0 && rows.length === 0 ? emptyRounds + 1 : 0;
    await readLag();
    const again = await countSetAsideAgain();
    if (lagSeconds !== null)
      report({ lagSeconds, owned: owned.size, leftOut: store.uncounted.totals(), ...total, ...again });
    const behind = isBehind(rows);
    if (!behind) await store.maintain();
    const pauseMs =
      owned.size === 0 && isShareKnown
        ? untilNextLookMs
        : pauseAfter({
            tookMs: performance.now() - beganAt,
            isBehind: behind,
            lagSeconds: lagSeconds ?? 0,
            databases: options.databases(),
            emptyRounds,
          });
    if (pauseMs > 0) await keepAlive(sleep(pauseMs, undefined, { signal: stop }).catch(() => {}));
  }
};
