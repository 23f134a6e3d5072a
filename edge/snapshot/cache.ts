// The snapshot cache of one isolate. An isolate cannot be called, but it can wait: its requests keep one watch open to
// the region's replica, and a request that finds the snapshot stale asks first. When no replica answers, the isolate
// begins from the KV copy, else without any feature, and keeps asking.
import { makeTurns, type Turn } from "../turns.ts";
import { makeWaitList, sleep, within } from "../waiting.ts";
import { HeldSnapshot, type SnapshotView } from "./held-snapshot.ts";
import type { KvCopy } from "./kv-copy.ts";
import type { Watch, WatchAnswer } from "./rpc.ts";

export type { SnapshotView } from "./held-snapshot.ts";
export type WaitUntil = (promise: Promise<unknown>) => void;

type Dependencies = {
  readonly watchMs: number;
  readonly maxStaleMs: number;
  /** A call to the region's replica, made within the current request. */
  readonly watchReplica: (watch: Watch) => Promise<WatchAnswer>;
  readonly readKvCopy: () => Promise<KvCopy | null>;
  readonly now: () => number;
  /** This isolate's id. */
  readonly watcher: string;
};

/** The longest that a request waits for an answer about a stale snapshot. */
const ASK_MS = 1_000;
/** After an ask without answer, requests take what there is for this long before one asks again. */
const ASK_AGAIN_MS = 1_000;
/** The platform cancels work 30 s after its request: another request takes the watch over before that. */
const HAND_ON_MS = 15_000;
const LAST_WATCH_MS = 22_000;
const RETRY_MS = 500;
const SLACK_MS = 1_500;

export type SnapshotCache = {
  /** The snapshot for one request; no promise for the many requests for which it is fresh. */
  readonly read: (waitUntil: WaitUntil) => SnapshotView | Promise<SnapshotView>;
  /** Asks the replica now, whatever the age. */
  readonly refresh: (waitUntil: WaitUntil) => Promise<boolean>;
  /** Resolves when the snapshot changes, or after `ms`. */
  readonly changed: (ms: number) => Promise<void>;
  /** Calls to Durable Objects since the isolate began. */
  readonly calls: () => number;
};

export const makeSnapshotCache = (dependencies: Dependencies): SnapshotCache => {
  const { watchMs, maxStaleMs, watchReplica, readKvCopy, now, watcher } = dependencies;
  const held = new HeldSnapshot(maxStaleMs);
  const changes = makeWaitList();
  const takeTurn = makeTurns();
  let asked: { readonly answer: Promise<boolean>; readonly atMs: number } | null = null;
  let unansweredAtMs = 0;
  let calls = 0;

  const read = (waitUntil: WaitUntil): SnapshotView | Promise<SnapshotView> => {
    const nowMs = now();
    const isUsable = held.isThere && (held.isFresh(nowMs) || nowMs - unansweredAtMs < ASK_AGAIN_MS);
    const view = isUsable ? held.view(nowMs) : askAndRead(nowMs, waitUntil);
    keepWatching(nowMs, waitUntil);
    return view;
  };

  const askAndRead = async (nowMs: number, waitUntil: WaitUntil): Promise<SnapshotView> => {
    const isConfirmed = await within(ASK_MS, ask(nowMs, waitUntil), "ask").catch(() => false);
    if (!held.isThere) await begin();
    return held.view(now(), isConfirmed);
  };

  /** Requests at the same time share one ask. One whose request may have been cancelled is not waited for again. */
  const ask = (nowMs: number, waitUntil: WaitUntil): Promise<boolean> => {
    if (asked !== null && nowMs - asked.atMs < ASK_MS) return asked.answer;
    const mine = { answer: callReplica(0).catch(() => false), atMs: nowMs };
    asked = mine;
    const conclude = async (): Promise<void> => {
      if (!(await mine.answer)) unansweredAtMs = now();
      if (asked === mine) asked = null;
    };
    waitUntil(conclude());
    return mine.answer;
  };

  /** true: the replica confirmed the snapshot that this isolate holds. */
  const callReplica = async (waitMs: number): Promise<boolean> => {
    calls++;
    const limitMs = waitMs === 0 ? ASK_MS : waitMs + SLACK_MS;
    const watch = {
      watcher,
      have: held.watchedRevision,
      closedAtMs: held.closedAtMs,
      waitMs,
      maxAgeMs: maxStaleMs / 2,
    };
    const { isNew, isConfirmed } = held.take(
      await within(limitMs, watchReplica(watch), "replica watch"),
      now(),
    );
    if (isNew) changes.wakeAll();
    return isConfirmed;
  };

  const begin = async (): Promise<void> => {
    const copy = await within(ASK_MS, readKvCopy(), "KV").catch(() => null);
    if (held.isThere) return;
    held.begin(copy, now());
    changes.wakeAll();
  };

  const keepWatching = (nowMs: number, waitUntil: WaitUntil): void => {
    const turn = takeTurn(nowMs, nowMs + Math.min(HAND_ON_MS, watchMs + 2 * SLACK_MS));
    if (turn !== null) waitUntil(watchOn(turn, nowMs));
  };

  /** Watches again and again. Another request takes over when this one is old or its watch hangs. */
  const watchOn = async (turn: Turn, beganMs: number): Promise<void> => {
    // A watch before the first answer would bring everything a second time.
    if (held.revision === null && asked !== null)
      await within(ASK_MS, asked.answer, "ask").catch(() => false);
    while (turn.isMine() && now() < beganMs + LAST_WATCH_MS) {
      turn.holdUntil(Math.min(beganMs + HAND_ON_MS, now() + watchMs + 2 * SLACK_MS));
      // An answer that confirms nothing comes at once: the next watch waits a moment.
      const isConfirmed = await callReplica(watchMs).catch(() => false);
      if (!isConfirmed) await sleep(RETRY_MS);
    }
    turn.end();
  };

  return {
    read,
    refresh: (waitUntil) => {
      asked = null;
      return ask(now(), waitUntil);
    },
    changed: changes.wait,
    calls: () => calls,
  };
};
