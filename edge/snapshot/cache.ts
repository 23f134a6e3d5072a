// What this isolate knows. An isolate cannot be called, but it can wait: requests keep one watch open to the region's
// replica, and a request that finds the state too old asks first. When nobody answers, the isolate begins from KV,
// else from the built-in default (no feature at all), and keeps asking.
import {
  applyDelta,
  emptySnapshot,
  FIRST_REVISION,
  featuresOf,
  type VersionedSnapshot,
} from "../../shared/snapshot/versioned-snapshot.ts";
import { compile, type CompiledSnapshot } from "../features/compile.ts";
import { sleep, within, type Watch, type WatchAnswer } from "./watch.ts";

export type Source = "memory" | "replica" | "kv" | "default";

/** The state one request sees. */
export type Seen = {
  readonly snapshot: CompiledSnapshot;
  readonly source: Source;
  /** Since the hub last confirmed this state. */
  readonly ageMs: number;
  /** Older than MAX_STALE_MS and nobody answers: features whose failure mode is `closed` are closed. */
  readonly stale: boolean;
};

export type WaitUntil = (promise: Promise<unknown>) => void;

type Dependencies = {
  readonly watchMs: number;
  readonly maxStaleMs: number;
  /** A call to the region's replica, made within the current request. */
  readonly watchReplica: (watch: Watch) => Promise<WatchAnswer>;
  readonly readKept: () => Promise<{ ledger: VersionedSnapshot; writtenAt: number } | null>;
  readonly now: () => number;
  readonly watcher: string;
};

/** The longest a request waits for an answer about state that is too old. */
const ASK_MS = 1_000;
/** After a question without answer, requests take what there is for this long before one asks again. */
const ASK_AGAIN_MS = 1_000;
/** The platform cancels what outlives its request by 30 s: a watch is handed on before that. */
const HAND_ON_MS = 15_000;
const LAST_CALL_MS = 22_000;
const RETRY_MS = 500;
const SLACK_MS = 1_500;

export type Memory = {
  see: (waitUntil: WaitUntil) => Seen | Promise<Seen>;
  /** Asks the replica now, whatever the age. */
  refresh: (waitUntil: WaitUntil) => Promise<boolean>;
  /** Resolves when something new is learned, or after `ms`. */
  changed: (ms: number) => Promise<void>;
  /** Calls to Durable Objects since the isolate began. */
  calls: () => number;
};

export const makeMemory = ({
  watchMs,
  maxStaleMs,
  watchReplica,
  readKept,
  now,
  watcher,
}: Dependencies): Memory => {
  const waiting = new Set<() => void>();
  let ledger: VersionedSnapshot = emptySnapshot;
  let snapshot: CompiledSnapshot | null = null;
  let origin: "replica" | "kv" | "default" = "default";
  let confirmedAt = 0;
  let question: { readonly answer: Promise<boolean>; readonly askedAt: number } | null = null;
  let unansweredAt = 0;
  let watchNumber = 0;
  /** When a request must open the next watch, and when the open one counts as hung. */
  let handOnAt = 0;
  let hungAt = 0;
  let calls = 0;

  const learn = (next: VersionedSnapshot): void => {
    ledger = next;
    snapshot = compile(next.revision ?? FIRST_REVISION, featuresOf(next), snapshot);
    for (const leave of waiting) leave();
  };

  const call = async (waitMs: number): Promise<boolean> => {
    calls++;
    const answer = await within(
      waitMs === 0 ? ASK_MS : waitMs + SLACK_MS,
      watchReplica({
        watcher,
        have: origin === "replica" ? ledger.revision : null,
        waitMs,
        maxAgeMs: maxStaleMs / 2,
      }),
      "replica watch",
    );
    const { revision, change, ageMs } = answer;
    if (change !== null && change.revision > (ledger.revision ?? -1)) learn(applyDelta(ledger, change));
    // A replica that knows less than what is held here has not confirmed it.
    if (ageMs === null || revision !== ledger.revision) return false;
    if (snapshot === null) learn(ledger);
    origin = "replica";
    confirmedAt = Math.max(confirmedAt, now() - ageMs);
    return ageMs <= maxStaleMs;
  };

  const watch = async (number: number): Promise<void> => {
    const until = now() + LAST_CALL_MS;
    const isMine = (): boolean => number === watchNumber;
    // Watching before the first answer would bring everything a second time.
    if (ledger.revision === null && question !== null)
      await within(ASK_MS, question.answer, "question").catch(() => false);
    while (isMine() && now() < until) {
      hungAt = now() + watchMs + 2 * SLACK_MS;
      // An answer that confirms nothing comes at once and must not be asked for again at once.
      const confirmed = await call(watchMs).catch(() => false);
      if (!confirmed) await sleep(RETRY_MS);
    }
    if (isMine()) handOnAt = 0;
  };

  const keepWatching = (at: number, waitUntil: WaitUntil): void => {
    if (at < handOnAt && at < hungAt) return;
    handOnAt = at + HAND_ON_MS;
    hungAt = at + watchMs + 2 * SLACK_MS;
    waitUntil(watch(++watchNumber));
  };

  /** Concurrent requests share one question. One whose request was cancelled is not waited for again. */
  const ask = (at: number, waitUntil: WaitUntil): Promise<boolean> => {
    if (question !== null && at - question.askedAt < ASK_MS) return question.answer;
    const answer = call(0).catch(() => false);
    const mine = { answer, askedAt: at };
    question = mine;
    const note = async (): Promise<void> => {
      if (!(await answer)) unansweredAt = now();
      if (question === mine) question = null;
    };
    waitUntil(note());
    return answer;
  };

  const begin = async (): Promise<void> => {
    const kept = await within(ASK_MS, readKept(), "KV").catch(() => null);
    if (snapshot !== null) return;
    if (kept === null) {
      learn(emptySnapshot);
      confirmedAt = now();
      return;
    }
    learn(kept.ledger);
    origin = "kv";
    confirmedAt = kept.writtenAt;
  };

  const seen = (source: Source, held: CompiledSnapshot): Seen => {
    const ageMs = Math.max(0, now() - confirmedAt);
    return {
      snapshot: held,
      source: ledger.revision === null ? "default" : source,
      ageMs,
      stale: origin !== "replica" || ageMs > maxStaleMs,
    };
  };

  const seeAfterAsking = async (at: number, waitUntil: WaitUntil): Promise<Seen> => {
    const answered = await within(ASK_MS, ask(at, waitUntil), "question").catch(() => false);
    if (snapshot === null) await begin();
    const source = origin !== "replica" ? origin : answered ? "replica" : "memory";
    return seen(source, snapshot ?? compile(FIRST_REVISION, []));
  };

  const seeAt = (at: number, waitUntil: WaitUntil): Seen | Promise<Seen> => {
    if (snapshot !== null) {
      if (origin === "replica" && at - confirmedAt <= maxStaleMs) return seen("memory", snapshot);
      if (at - unansweredAt < ASK_AGAIN_MS) return seen(origin === "replica" ? "memory" : origin, snapshot);
    }
    return seeAfterAsking(at, waitUntil);
  };

  return {
    see: (waitUntil) => {
      const at = now();
      const found = seeAt(at, waitUntil);
      keepWatching(at, waitUntil);
      return found;
    },
    refresh: (waitUntil) => {
      question = null;
      return ask(now(), waitUntil);
    },
    // Each waits for a promise of its own request, whose timer no other request may touch. Another request resolves it,
    // and workerd then continues in the request that made the promise, but only for a promise that V8's built-ins made:
    // `new Promise` in code that TurboFan optimized has no mark of its request, and its continuation would touch the
    // stream in the wrong one ("Cannot perform I/O on behalf of a different request", after some 13,000 changes).
    changed: (ms) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const leave = (): void => {
        waiting.delete(leave);
        resolve();
      };
      waiting.add(leave);
      setTimeout(leave, ms);
      return promise;
    },
    calls: () => calls,
  };
};
