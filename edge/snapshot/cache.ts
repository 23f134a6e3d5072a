// The snapshot cache of one isolate. An isolate cannot be called, but it can wait: its requests keep one watch open to
// the region's replica, and a request that finds the snapshot stale asks first. When no replica answers, the isolate
// begins from the KV copy, else without any feature, and keeps asking.
import { makeTurns, type Turn } from "../turns.ts";
import { makeWaitList, sleep, within } from "../waiting.ts";
import { HeldSnapshot, type SnapshotView, type Taken } from "./held-snapshot.ts";
import type { KvCopy } from "./kv-copy.ts";
import type { Answered, Watch } from "./rpc.ts";
import { answersOf, HAND_ON_MS } from "./watch-stream.ts";

export type { SnapshotView } from "./held-snapshot.ts";
export type WaitUntil = (promise: Promise<unknown>) => void;

type Dependencies = {
  readonly watchMs: number;
  readonly maxStaleMs: number;
  /** A call to the region's replica, made within the current request. */
  readonly watchReplica: (watch: Watch) => Promise<Answered>;
  readonly readKvCopy: () => Promise<KvCopy | null>;
  readonly now: () => number;
  /** This isolate's id. */
  readonly watcher: string;
};

/** The longest that a request waits for an answer about a stale snapshot. */
const ASK_MS = 1_000;
/** After an ask without answer, requests take what there is for this long before one asks again. */
const ASK_AGAIN_MS = 1_000;
/** The platform cancels work 30 s after its request. Another request takes the watch over before that, or it ends. */
const LAST_WATCH_MS = 27_000;
const RETRY_MS = 500;
const SLACK_MS = 1_500;

export type CacheStats = {
  /** Calls to Durable Objects since the isolate began, and how many of them that is a second. */
  readonly stateCalls: number;
  readonly stateCallsPerSecond: number;
  /** What the calls brought: beats, changes and acknowledgements. */
  readonly stateAnswers: number;
};

export type SnapshotCache = {
  /** The snapshot for one request; no promise for the many requests for which it is fresh. */
  readonly read: (waitUntil: WaitUntil) => SnapshotView | Promise<SnapshotView>;
  /** Asks the replica now, whatever the age. */
  readonly refresh: (waitUntil: WaitUntil) => Promise<boolean>;
  /** Resolves when the snapshot changes, or after `ms`. */
  readonly changed: (ms: number) => Promise<void>;
  readonly stats: () => CacheStats;
};

/** Rounded to thousandths. The first second counts as a whole one. */
const perSecond = (count: number, ms: number): number =>
  Math.round((count / Math.max(1_000, ms)) * 1_000_000) / 1_000;

export const makeSnapshotCache = (dependencies: Dependencies): SnapshotCache => {
  const { watchMs, maxStaleMs, watchReplica, readKvCopy, now, watcher } = dependencies;
  const held = new HeldSnapshot(maxStaleMs);
  const changes = makeWaitList();
  const takeTurn = makeTurns();
  let asked: { readonly answer: Promise<boolean>; readonly atMs: number } | null = null;
  let unansweredAtMs = 0;
  /** Whether the next watch is answered by a stream. */
  let isStreamed = true;
  const beganAtMs = now();
  let calls = 0;
  let answers = 0;

  const read = (waitUntil: WaitUntil): SnapshotView | Promise<SnapshotView> => {
    const nowMs = now();
    keepWatching(nowMs, waitUntil);
    const isUsable = held.isThere && (held.isFresh(nowMs) || nowMs - unansweredAtMs < ASK_AGAIN_MS);
    return isUsable ? held.view(nowMs) : askAndRead(nowMs, waitUntil);
  };

  const askAndRead = async (nowMs: number, waitUntil: WaitUntil): Promise<SnapshotView> => {
    const isConfirmed = await within(ASK_MS, ask(nowMs, waitUntil), "ask").catch(() => false);
    if (!held.isThere) await begin();
    return held.view(now(), isConfirmed);
  };

  /** Requests at the same time share one ask. One whose request may have been cancelled is not waited for again. */
  const ask = (nowMs: number, waitUntil: WaitUntil): Promise<boolean> => {
    if (asked !== null && nowMs - asked.atMs < ASK_MS) return asked.answer;
    const answer = askReplica().then(
      ({ isConfirmed }) => isConfirmed,
      () => false,
    );
    waitUntil(shareAsk(nowMs, answer));
    return answer;
  };

  const shareAsk = async (atMs: number, answer: Promise<boolean>): Promise<void> => {
    const mine = { answer, atMs };
    asked = mine;
    if (!(await within(ASK_MS, answer, "ask").catch(() => false))) unansweredAtMs = now();
    if (asked === mine) asked = null;
  };

  const callReplica = async function* (
    how: Pick<Watch, "waitMs" | "beatMs">,
    silentMs: number,
  ): AsyncGenerator<Taken, void> {
    calls++;
    const { watchedRevision: have, closedAtMs } = held;
    const call = watchReplica({ watcher, have, closedAtMs, maxAgeMs: maxStaleMs / 2, ...how });
    for await (const answer of answersOf(call, silentMs)) {
      answers++;
      const taken = held.take(answer, now());
      if (taken.isNew) changes.wakeAll();
      yield taken;
    }
  };

  const askReplica = async (): Promise<Taken> => {
    for await (const taken of callReplica({ waitMs: 0 }, ASK_MS)) return taken;
    return { isNew: false, isConfirmed: false };
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
    while (turn.isMine() && now() < beganMs + LAST_WATCH_MS) {
      const isConfirmed = await watchOnce(turn, beganMs).catch(() => false);
      // Where streams break, every other call still brings an answer. Another request may take over while this one sleeps.
      isStreamed = isConfirmed || !isStreamed;
      // A call that confirms nothing may be over at once: the next one waits a moment.
      if (!isConfirmed) await sleep(RETRY_MS);
    }
    turn.end();
  };

  /** One call, with all its answers. Requests that find the snapshot stale wait for the first. */
  const watchOnce = async (turn: Turn, beganMs: number): Promise<boolean> => {
    const hold = (): void => turn.holdUntil(Math.min(beganMs + HAND_ON_MS, now() + watchMs + 2 * SLACK_MS));
    const waitMs = held.isFresh(now()) ? watchMs : 0;
    const how = isStreamed ? { waitMs, beatMs: watchMs } : { waitMs };
    const first = Promise.withResolvers<boolean>();
    if (waitMs === 0) void shareAsk(now(), first.promise);
    let isConfirmed = false;
    hold();
    try {
      for await (const taken of callReplica(how, watchMs + SLACK_MS)) {
        ({ isConfirmed } = taken);
        first.resolve(isConfirmed);
        if (!turn.isMine() || now() >= beganMs + LAST_WATCH_MS) break;
        hold();
        if (taken.isNew) await acknowledge();
      }
    } finally {
      first.resolve(false);
    }
    return isConfirmed;
  };

  /** Names the new revision to the replica, whose answer may bring another. Without it the region confirms later. */
  const acknowledge = async (): Promise<void> => {
    try {
      while ((await askReplica()).isNew);
    } catch {
      // The watch itself tells whether the replica is there.
    }
  };

  return {
    read,
    refresh: (waitUntil) => {
      asked = null;
      return ask(now(), waitUntil);
    },
    changed: changes.wait,
    stats: () => ({
      stateCalls: calls,
      stateCallsPerSecond: perSecond(calls, now() - beganAtMs),
      stateAnswers: answers,
    }),
  };
};
