// The fold's thread. It recovers by forgetting: after any error it drops its connection, and with it the partitions and
// everything it remembers, and starts over from the database.
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { makePool } from "../db/pool.ts";
import { JetStreamSettings } from "../span-log/jetstream/settings.ts";
import { openSpanLog } from "../span-log/open-span-log.ts";
import { giveMemoryBack } from "../runtime/give-memory-back.ts";
import { runFoldLoop, type FoldState } from "./fold-loop.ts";
import type { QuarantineEvent } from "./set-aside/make-quarantine.ts";
import { makePostgresSink } from "./raw-spans/postgres-sink.ts";
import type { RawSpanSink } from "./raw-spans/raw-span-sink.ts";
import { makeSpoolSink } from "./raw-spans/spool-sink.ts";
import { FOLD_APPLICATION } from "./partition-ownership.ts";

const WorkerOptions = z.strictObject({
  databaseUrl: z.string(),
  spanLog: JetStreamSettings.nullable(),
  /** so much of the sample may wait for a column store; null: there is none, and PostgreSQL keeps the sample */
  spoolBytes: z.number().nullable(),
  /** of one generation of the unit table; a power of two */
  unitSlots: z.number().int(),
  dedupeKeys: z.number().int(),
});
export type WorkerOptions = z.infer<typeof WorkerOptions>;

/** What the thread tells the process. */
export type FoldReport =
  | ({ type: "state" } & FoldState)
  | { type: "logProblem"; problem: string }
  | { type: "quarantine"; event: QuarantineEvent }
  | { type: "error"; message: string }
  | { type: "stopped" };

const RETRY_MS = 500;
/** Somebody has locked a table that the fold writes. It waits rather than start over, which costs it its memory. */
const LOCK_WAIT_MS = 60_000;
/** More than any statement takes: a change of a rule that makes the counts of ten million units again takes a second. */
const QUERY_TIMEOUT_MS = 120_000;

const options = WorkerOptions.parse(workerData);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
const report = (message: FoldReport): void => parentPort?.postMessage(message);

const stop = new AbortController();
parentPort?.on("message", (message: unknown) => {
  if (message === "stop") stop.abort();
});

/** Acknowledging comes before counting: where the processor is short, this thread gets less of it. Linux only. */
const lowerPriority = (): void => {
  if (process.platform !== "linux") return;
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), 5);
  } catch {
    // A sandbox that forbids it: folding then has the same share as everything else.
  }
};

const makeRawSpans = (): RawSpanSink =>
  options.spoolBytes === null
    ? makePostgresSink()
    : makeSpoolSink(options.spoolBytes, () => performance.now());

/** Folds on connections of its own until it is told to stop or anything fails. */
const foldUntilFailure = async (hasFailed: boolean): Promise<void> => {
  const pool = makePool(options.databaseUrl, {
    applicationName: "sluice-fold-rules",
    max: 2,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    lockTimeoutMs: LOCK_WAIT_MS,
    onIdleError: () => {},
  });
  const own = makePool(options.databaseUrl, {
    applicationName: FOLD_APPLICATION,
    max: 1,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    lockTimeoutMs: LOCK_WAIT_MS,
    onIdleError: () => {},
  });
  const onLogProblem = (problem: string): void => report({ type: "logProblem", problem });
  const spanLog = await openSpanLog({
    settings: options.spanLog,
    name: "sluice fold",
    pool,
    onProblem: onLogProblem,
  });
  try {
    await spanLog.check();
    const client = await own.connect();
    // A broken connection also rejects the query in work; without a listener it would end the thread.
    client.on("error", () => {});
    try {
      await runFoldLoop({
        client,
        pool,
        spanLog: spanLog.reader,
        onLogProblem,
        makeRawSpans,
        limits: options,
        stop: stop.signal,
        hasFailed,
        report: (state) => report({ type: "state", ...state }),
        onEvent: (event) => report({ type: "quarantine", event }),
      });
    } finally {
      // Destroyed, not returned: the session's locks end here.
      client.release(true);
    }
  } finally {
    await spanLog.stop();
    await Promise.allSettled([pool.end(), own.end()]);
  }
};

lowerPriority();
giveMemoryBack();
let hasFailed = false;
while (!stop.signal.aborted) {
  try {
    await foldUntilFailure(hasFailed);
  } catch (error) {
    hasFailed = true;
    report({
      type: "error",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    await sleep(RETRY_MS, undefined, { signal: stop.signal }).catch(() => {});
  }
}
report({ type: "stopped" });
parentPort?.close();
