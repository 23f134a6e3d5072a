// The push thread: wires bus, outbox and pushers to one another. It ends when it is told "stop", after it has pushed the
// last committed change.
import { randomUUID } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { makePool } from "../db/pool.ts";
import { keepMemorySmall } from "../runtime/give-memory-back.ts";
import { makeLogger } from "../runtime/log.ts";
import { startTracing } from "../runtime/tracing.ts";
import packageJson from "../../package.json" with { type: "json" };
import { makePublishChange } from "./outbox/publish-change.ts";
import { makeInProcessBus } from "./bus/in-process-bus.ts";
import { startDispatcher } from "./outbox/dispatch.ts";
import { startStateRefresh } from "./bus/refresh-states.ts";
import { listenForChanges } from "./listen.ts";
import { startPusher } from "./edges/push-to-edges.ts";
import type { Confirmed } from "./edges/record-answers.ts";
import { makeSend } from "./edges/send-push.ts";
import { makeRecoverFromEdge } from "./edges/recover-from-edge.ts";
import { makeChangeTraces } from "../features/trace-changes.ts";
import { makeFeatureChanges } from "../features/change-feature.ts";
import {
  changesSince,
  currentHead,
  currentStates,
  noteLineage,
  raiseRevision,
} from "../features/read-snapshot.ts";
import { makeKeyOf, type EdgeKeyNames } from "./edges/push-key.ts";
import type { KeyRing } from "../../shared/signing/key-ring.ts";

export type PushOptions = {
  readonly databaseUrl: string;
  /** null: this process is the only one. */
  readonly redisUrls: readonly string[] | null;
  readonly edgeUrls: readonly string[];
  /** null: there is no edge to push to. */
  readonly pushKeys: KeyRing | null;
  readonly edgeKeyNames: EdgeKeyNames;
  readonly logLevel: string;
  /** undefined: nothing is traced. */
  readonly otlpEndpoint: string | undefined;
};

/** The thread's messages to the process. */
export type PushReport =
  | { readonly type: "ready" }
  | { readonly type: "listening"; readonly isListening: boolean }
  | ({ readonly type: "confirmed" } & Confirmed)
  | { readonly type: "failing"; readonly edge: string; readonly isFailing: boolean }
  | { readonly type: "ahead"; readonly edge: string }
  | { readonly type: "rollbackToEdge"; readonly seconds: number };

const options: PushOptions = workerData;
const { databaseUrl, redisUrls, edgeUrls, pushKeys, edgeKeyNames, logLevel, otlpEndpoint } = options;
const tracing = await startTracing(otlpEndpoint, packageJson.version);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
const report = (message: PushReport): void => parentPort?.postMessage(message);
const log = makeLogger(logLevel);

const onAhead = (edge: string): void => report({ type: "ahead", edge });

let stopping = false;
const pool = makePool(databaseUrl, {
  applicationName: "sluice-push",
  max: 5,
  queryTimeoutMs: 10_000,
  onIdleError: ({ message }) => {
    if (!stopping)
      log.warn({ error: message }, "a database connection broke while idle; the pool makes a new one");
  },
});
const readLineage = async () => (await currentHead(pool, null)).message.lineage;
const traces =
  tracing === undefined
    ? undefined
    : makeChangeTraces({ db: pool, readLineage, follows: "recovery", tracing, log });
/** Loads the client of Redis, which an origin alone never needs. */
const startRedisBus = async (urls: readonly string[]) => {
  const [{ connectRedis }, { makeRedisBus }] = await Promise.all([
    import("../db/redis.ts"),
    import("./bus/redis-bus.ts"),
  ]);
  return makeRedisBus({ publisher: connectRedis(urls, log), subscriber: connectRedis(urls, log), log });
};
const bus = redisUrls === null ? makeInProcessBus() : await startRedisBus(redisUrls);
const dispatcher = startDispatcher({ pool, deliver: { state: makePublishChange(bus) }, log });
const pusher =
  pushKeys === null
    ? undefined
    : await startPusher({
        pool,
        edgeUrls,
        readChanges: (since) => changesSince(pool, since),
        readHead: (since, wants) => currentHead(pool, since, wants),
        recover: makeRecoverFromEdge({
          pool,
          changes: makeFeatureChanges({
            pool,
            newId: randomUUID,
            ...(traces === undefined ? {} : { onCommitted: traces.committed }),
          }),
          onRecovered: traces?.recovered,
          beginLineage: () => noteLineage(pool, { rewound: true }),
          readLineage,
          raiseRevision: (above) => raiseRevision(pool, above),
          onRaised: () => states.refresh(),
          onAhead,
          log,
        }),
        raiseRevision: (above) => raiseRevision(pool, above),
        send: makeSend({
          keyOf: makeKeyOf(pushKeys, edgeKeyNames),
          now: Date.now,
          newNonce: randomUUID,
          tracing,
        }),
        onConfirmed: (confirmed) => report({ type: "confirmed", ...confirmed }),
        onFailing: (edge, isFailing) => report({ type: "failing", edge, isFailing }),
        onAhead,
        onRollbackArrived: (seconds) => report({ type: "rollbackToEdge", seconds }),
        log,
      });
// The database notifies of every commit. Redis does too, for other processes; a pusher ignores the second notification.
const listener = listenForChanges({
  databaseUrl,
  onNotification: (notification) => {
    pusher?.notify(notification);
    dispatcher.notify();
    // A new connection may lead to another primary, whose history the bus has not heard of.
    if (notification.revision === undefined) states.refresh();
  },
  onListening: (isListening) => report({ type: "listening", isListening }),
  log,
});
const states = startStateRefresh({ bus, readStates: () => currentStates(pool) });
const unsubscribe = bus.subscribe({
  onEvent: ({ revision }) => pusher?.notify({ revision }),
  onGap: () => {
    pusher?.notify({});
    dispatcher.notify();
  },
});

const stop = async (): Promise<void> => {
  stopping = true;
  await listener.stop();
  unsubscribe();
  await dispatcher.stop();
  await pusher?.stop();
  await states.stop();
  await bus.stop();
  await pool.end();
  await tracing?.stop();
  process.exit();
};
parentPort?.once("message", () => void stop());
keepMemorySmall();
report({ type: "ready" });
