// The fold's thread. It recovers by forgetting: after any error it drops its connection, and with it the partitions and
// everything it remembers, and starts over from the database.
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { assertIdentity, MAIN } from "../db/aggregate-databases.ts";
import { makePool } from "../db/pool.ts";
import { JetStreamSettings } from "../span-log/jetstream/settings.ts";
import { openSpanLog } from "../span-log/open-span-log.ts";
import { serviceUrlOf } from "../db/service-role.ts";
import { keepMemorySmall } from "../runtime/give-memory-back.ts";
import { runFoldLoop, type FoldState, type OwnedHere } from "./fold-loop.ts";
import { makeRulesWatch } from "./rules-watch.ts";
import { rulesFingerprint } from "./sync-windows.ts";
import type { QuarantineEvent } from "./set-aside/make-quarantine.ts";
import { makePostgresSink } from "./raw-spans/postgres-sink.ts";
import type { RawSpanSink } from "./raw-spans/raw-span-sink.ts";
import { makeSpoolSink } from "./raw-spans/spool-sink.ts";
import { randomInt } from "node:crypto";
import { OWNERSHIP_MS, SILENT_MS } from "./fair-share.ts";
import { joinFolds } from "./fold-members.ts";
import { FOLD_APPLICATION } from "./partition-ownership.ts";

const WorkerOptions = z.strictObject({
  /** of the main database */
  databaseUrl: z.string(),
  spanLog: JetStreamSettings.nullable(),
  /** so much of the sample may wait for a column store, in each database; null: there is none, and PostgreSQL keeps the sample */
  spoolBytes: z.number().nullable(),
  /** further ones that partitions live in */
  aggregateDatabases: z.array(z.strictObject({ name: z.string(), url: z.string() })),
  /** of one generation of the unit table; a power of two */
  unitSlots: z.number().int(),
  dedupeKeys: z.number().int(),
  /** how often the shares are looked at, and after which silence the databases give this process up */
  ownershipMs: z.number().default(OWNERSHIP_MS),
  silentMs: z.number().default(SILENT_MS),
});
export type WorkerOptions = z.input<typeof WorkerOptions>;

/** What the thread tells the process. */
export type FoldReport =
  | ({ type: "state"; database: string } & FoldState)
  | { type: "logProblem"; problem: string }
  | { type: "logLost"; loss: string }
  | { type: "quarantine"; event: QuarantineEvent }
  | { type: "error"; database: string; message: string }
  | { type: "stopped" };

const RETRY_MS = 500;
const RETRY_OTHERS_MS = 2_000;
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

/** In the database that the partition lives in, whichever that is. A column store gets it from there. */
const makeRawSpans = (): RawSpanSink =>
  options.spoolBytes === null
    ? makePostgresSink()
    : makeSpoolSink(options.spoolBytes, () => performance.now());

/** `silentMs`: for a session whose locks mean something. */
const foldPool = (url: string, applicationName: string, max: number, silentMs?: number) =>
  makePool(url, {
    applicationName,
    max,
    ...(silentMs === undefined ? {} : { silentMs }),
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    lockTimeoutMs: LOCK_WAIT_MS,
    onIdleError: () => {},
  });

type Home = { readonly name: string; readonly url: string };

const homes: readonly Home[] = [{ name: MAIN, url: options.databaseUrl }, ...options.aggregateDatabases];
/** What this process owns, by database. */
const owned = new Map<string, OwnedHere>();
const ownedElsewhere = (name: string): number =>
  [...owned].reduce((sum, [other, { ofQuota }]) => (other === name ? sum : sum + ofQuota()), 0);
const databasesOwnedIn = (): number => [...owned.values()].filter(({ all }) => all() > 0).length;
const own = randomInt(1, 2 ** 31);
const members = joinFolds(
  foldPool(options.databaseUrl, "sluice-fold-member", 1, options.silentMs),
  own,
  options.ownershipMs,
);
/** Of the main database, for the loops of all: two connections for each, as where it folds in one. */
const rules = foldPool(options.databaseUrl, "sluice-fold-rules", 2 * homes.length);
const fingerprint = makeRulesWatch(
  () => rulesFingerprint(rules),
  () => performance.now(),
);
/** What the process may remember is divided among the databases, in powers of two. */
const parts = 2 ** Math.ceil(Math.log2(homes.length));
const limits = { unitSlots: options.unitSlots / parts, dedupeKeys: Math.floor(options.dedupeKeys / parts) };

const onLogProblem = (problem: string): void => report({ type: "logProblem", problem });

/** Folds what lives in one database, on connections of its own, until it is told to stop or anything fails. */
const foldUntilFailure = async ({ name, url }: Home, hasFailed: boolean): Promise<void> => {
  // The main database comes with the service's rights; of another it has to be asked whether it has the role.
  const serviceUrl = name === MAIN ? url : ((await serviceUrlOf(url)) ?? url);
  const pool = name === MAIN ? rules : foldPool(serviceUrl, "sluice-fold-rules", 2);
  const owner = foldPool(serviceUrl, FOLD_APPLICATION, 1, options.silentMs);
  const spanLog = await openSpanLog({
    settings: options.spanLog,
    name: name === MAIN ? "sluice fold" : `sluice fold ${name}`,
    pool: rules,
    onProblem: onLogProblem,
    onLost: (loss) => report({ type: "logLost", loss }),
  });
  try {
    await spanLog.check();
    await assertIdentity(pool, name, rules);
    const client = await owner.connect();
    // A broken connection also rejects the query in work; without a listener it would end the thread.
    client.on("error", () => {});
    try {
      await runFoldLoop({
        client,
        pool,
        rules,
        rulesFingerprint: fingerprint,
        spanLog: spanLog.reader,
        onLogProblem,
        makeRawSpans,
        limits,
        stop: stop.signal,
        hasFailed,
        sharing: {
          partitions: spanLog.partitions,
          members: members.numbers,
          own,
          ownedElsewhere: () => ownedElsewhere(name),
        },
        databases: databasesOwnedIn,
        loops: homes.length,
        ownershipMs: options.ownershipMs,
        silentMs: options.silentMs,
        report: (state) => report({ type: "state", database: name, ...state }),
        onStart: (here) => owned.set(name, here),
        onEvent: (event) => report({ type: "quarantine", event }),
      });
    } finally {
      // Destroyed, not returned: the session's locks end here.
      client.release(true);
    }
  } finally {
    owned.delete(name);
    await spanLog.stop();
    await Promise.allSettled([owner.end(), name === MAIN ? undefined : pool.end()]);
  }
};

/** A database that fails stops the partitions that live in it, and no others. */
const foldAlways = async (home: Home): Promise<void> => {
  let hasFailed = false;
  while (!stop.signal.aborted) {
    try {
      await foldUntilFailure(home, hasFailed);
    } catch (error) {
      hasFailed = true;
      report({
        type: "error",
        database: home.name,
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      const retryMs = home.name === MAIN ? RETRY_MS : RETRY_OTHERS_MS;
      await sleep(retryMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
};

lowerPriority();
keepMemorySmall();
await Promise.all(homes.map(foldAlways));
await members.stop();
await rules.end();
report({ type: "stopped" });
parentPort?.close();
