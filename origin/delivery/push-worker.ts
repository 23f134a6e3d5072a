// The push thread: wires bus, outbox and pushers to one another. Ends when it is told "stop", after what was committed
// last has been pushed.
import { parentPort, workerData } from "node:worker_threads";
import { makePool } from "../db/pool.ts";
import { makeLogger } from "../runtime/log.ts";
import { announceOn } from "./outbox/publish-change.ts";
import { makeInProcessBus } from "./bus/flag-bus.ts";
import { makeDispatcher } from "./outbox/dispatch.ts";
import { keepStates } from "./bus/refresh-states.ts";
import { listenForChanges } from "./listen.ts";
import { connectRedis, makeRedisBus } from "./bus/redis-bus.ts";
import { makePusher } from "./edges/pusher.ts";
import { makeSend } from "./edges/send-push.ts";
import { changesSince, currentSnapshot, raiseRevision } from "../features/read-snapshot.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";

export type PushOptions = {
  readonly databaseUrl: string;
  /** null: this process is the only one. */
  readonly redisUrls: readonly string[] | null;
  readonly edgeUrls: readonly string[];
  /** null: there is no edge to push to. */
  readonly pushKeys: KeyRing | null;
  readonly logLevel: string;
};

/** What the thread tells the process. */
export type PushReport =
  | { readonly type: "ready" }
  | {
      readonly type: "edgeRevision";
      readonly edge: string;
      readonly region: string;
      readonly revision: number;
    }
  | { readonly type: "rollbackToEdge"; readonly seconds: number };

const options: PushOptions = workerData;
const { databaseUrl, redisUrls, edgeUrls, pushKeys, logLevel } = options;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
const report = (message: PushReport): void => parentPort?.postMessage(message);
const log = makeLogger(logLevel);

let stopping = false;
const pool = makePool(databaseUrl, {
  applicationName: "sluice-push",
  max: 5,
  queryTimeoutMs: 10_000,
  onIdleError: ({ message }) => {
    if (!stopping) log.warn({ error: message }, "a database connection broke while idle");
  },
});
const bus =
  redisUrls === null
    ? makeInProcessBus()
    : makeRedisBus({
        publisher: connectRedis(redisUrls, log),
        subscriber: connectRedis(redisUrls, log),
        log,
      });
const dispatcher = makeDispatcher({ pool, deliver: { state: announceOn(bus) }, log });
const pusher =
  pushKeys === null
    ? undefined
    : await makePusher({
        pool,
        edgeUrls,
        readChanges: (since) => changesSince(pool, since),
        raiseRevision: (above) => raiseRevision(pool, above),
        send: makeSend({ keys: pushKeys, now: Date.now }),
        onConfirmed: (receipt) => report({ type: "edgeRevision", ...receipt }),
        onRollbackArrived: (seconds) => report({ type: "rollbackToEdge", seconds }),
        log,
      });
// The database tells of every commit; Redis tells other processes' listeners as well, and neither is needed twice.
const listening = listenForChanges({
  databaseUrl,
  onNews: (news) => {
    pusher?.wake(news);
    dispatcher.wake();
  },
  log,
});
const states = keepStates({ bus, readSnapshot: () => currentSnapshot(pool) });
const unsubscribe = bus.subscribe({
  onEvent: ({ revision }) => pusher?.wake({ revision }),
  onGap: () => {
    pusher?.wake({});
    dispatcher.wake();
  },
});

const stop = async (): Promise<void> => {
  stopping = true;
  await listening.stop();
  unsubscribe();
  await dispatcher.stop();
  await pusher?.stop();
  await states.stop();
  await bus.stop();
  await pool.end();
  process.exit();
};
parentPort?.once("message", () => void stop());
report({ type: "ready" });
