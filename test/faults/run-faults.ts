// Harms an installation under load, again and again, and compares in the end the acknowledged spans with the counted ones. Equal seeds
// do equal harm in the same order.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../origin/db/free-port.ts";
import { makePool } from "../../origin/db/pool.ts";
import { makePostgresLogReader } from "../../origin/span-log/read-log.ts";
import { startOriginProcess, type OriginProcess } from "../../scripts/local-stack/origin-process.ts";
import { startClients } from "./clients.ts";
import { startDatabases, type DatabaseServer } from "./database-servers.ts";
import { killBetweenReadAndCommit, type FoldProcess } from "./kill-fold.ts";
import { seededRandom, shuffledDeck, startLogServers, type LogFault } from "./log-servers.ts";
import { makeMoves, type MoveReport } from "./partition-moves.ts";
import { waitUntil } from "./wait-until.ts";
import { readCounted, readPositionsOf, type Counted } from "./what-is-counted.ts";

const FEATURE = "feat_faults";
const RECOVERED_MS = 120_000;
const FOLDED_MS = 120_000;
/** What processes said last, for the report of a run that does not go on. */
const WORDS = 60;

const IN_ONE_DATABASE = ["ingest", "fold", "foldBeforeCommit", "backend", "mainKilled"] as const;
const IN_SEVERAL = ["aggregateKilled", "databasePaused", "databaseCut", "move", "moveKilled"] as const;
export type Fault = (typeof IN_ONE_DATABASE)[number] | (typeof IN_SEVERAL)[number] | LogFault;
const LOG_FAULTS: readonly string[] = ["leader", "pause", "serverNetwork", "clientNetwork", "disk"];
const isLogFault = (fault: Fault): fault is LogFault => LOG_FAULTS.includes(fault);
export const ALL_FAULTS: readonly string[] = [...IN_ONE_DATABASE, ...IN_SEVERAL, ...LOG_FAULTS];

export type FaultReport = {
  faults: number;
  /** seconds from the end of each fault until all that was acknowledged before is counted, by kind */
  recoveries: Readonly<Record<string, readonly number[]>>;
  acked: number;
  retries: number;
  units: number;
  counted: Counted;
  moves: MoveReport | undefined;
  /** Of partitions, where each lives in the end */
  places: Readonly<Record<string, readonly number[]>>;
};

/** Empty when every acknowledged span is counted once. */
export const differences = ({ acked, units, counted }: FaultReport): string[] => {
  const found = [...counted.misplaced];
  const compare = (what: string, is: number, should: number): void => {
    if (is !== should) found.push(`${what}: ${is}, and ${should} were acknowledged`);
  };
  compare("requests that are counted or left out", counted.requests + counted.leftOut, acked);
  compare("units that are counted", counted.units, units);
  compare(
    "requests that an evaluation reads, with those left out",
    counted.evaluated.requests + counted.leftOut,
    acked,
  );
  compare("units that an evaluation reads", counted.evaluated.units, units);
  return found;
};

type Member = FoldProcess & { readonly origin: OriginProcess };

/**
 * One process takes telemetry in (two with JetStream), two fold it, into one database or three; `faults` times something is harmed. `say`
 * is called with each step.
 */
export const runFaults = async (options: {
  faults: number;
  log?: "postgres" | "jetstream";
  /** names of aggregate databases beside the main one */
  aggregates?: readonly string[];
  seed?: number;
  /** in this order, in place of a shuffled deck of all */
  order?: readonly Fault[];
  say: (line: string) => void;
}): Promise<FaultReport> => {
  const { faults, say, aggregates = [], order } = options;
  const random = seededRandom(options.seed ?? Date.now());
  const pick = <T>(from: readonly T[]): T => {
    const found = from[Math.floor(random() * from.length)];
    if (found === undefined) throw new Error("there is nothing to pick from");
    return found;
  };
  const undo: (() => Promise<unknown>)[] = [];
  const folder = await mkdtemp(join(tmpdir(), "sluice-faults-"));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const words: string[] = [];

  const run = async (): Promise<FaultReport> => {
    const starting = options.log === "jetstream" ? startLogServers(random) : undefined;
    undo.push(async () => (await starting)?.stop());
    const databases = await startDatabases(folder, aggregates);
    undo.push(() => Promise.all(databases.map((database) => database.stop())));
    const [main] = databases;
    if (main === undefined) throw new Error("unreachable: there is no main database");
    const servers = await starting;
    await main.ask(
      "insert into feature_flags (feature_id, enabled, rollout_bps, holdout_bps, revision) values ($1, true, 9000, 1000, 1)",
      [FEATURE],
    );

    const token = randomBytes(16).toString("hex");
    const waysOfOne = async () => {
      const ways = await Promise.all(
        databases.map(async (one) => ({ name: one.name, ...(await one.way()) })),
      );
      const others = ways.filter(({ name }) => name !== main.name).map(({ name, url }) => `${name}=${url}`);
      const env = {
        DATABASE_URL: ways.find(({ name }) => name === main.name)?.url ?? "",
        ...(others.length === 0 ? {} : { AGGREGATE_DATABASE_URLS: others.join(",") }),
        ...servers?.env,
      };
      return { env, ways: new Map(ways.map(({ name, proxy }) => [name, proxy])) };
    };
    const start = async (roles: string): Promise<Member> => {
      const { env, ways } = await waysOfOne();
      const origin = startOriginProcess({
        port: await freePort(),
        env: {
          ...env,
          ROLES: roles,
          INGEST_TOKEN: token,
          ADMIN_TOKEN: randomBytes(16).toString("hex"),
          DATA_DIR: folder,
          LOG_LEVEL: "warn",
        },
        onLine: (line) => {
          words.push(`${new Date().toISOString()} ${roles}: ${line}`);
          if (words.length > WORDS) words.shift();
        },
      });
      undo.push(() => origin.stop());
      return { origin, ways, kill: () => origin.kill() };
    };
    const ingests = [await start("ingest")];
    if (servers !== undefined) ingests.push(await start("ingest"));
    const folds = [await start("fold"), await start("fold")];
    const ready = () => Promise.all([...ingests, ...folds].map(({ origin }) => origin.ready()));
    const moves =
      aggregates.length === 0
        ? undefined
        : makeMoves({ databases, env: (await waysOfOne()).env, random, say });
    await ready();
    const clients = startClients({ urls: ingests.map(({ origin }) => origin.url), token, feature: FEATURE });
    undo.push(() => clients.stop());

    const unfoldedSeconds = async (): Promise<number> => {
      const positions = await readPositionsOf(databases);
      const pool = makePool(main.url(), {
        applicationName: "sluice-test-faults",
        max: 2,
        onIdleError: () => {},
      });
      try {
        return servers === undefined
          ? await makePostgresLogReader(pool).unfoldedSeconds(positions)
          : await servers.unfoldedSeconds(pool, positions);
      } finally {
        await pool.end();
      }
    };
    const standing = async (): Promise<string> =>
      [
        `places: ${JSON.stringify(await moves?.placesNow().then(Object.fromEntries, String))}`,
        `positions: ${JSON.stringify(await readPositionsOf(databases).catch(String))}`,
        `streams:\n${(await servers?.state()) ?? "none"}`,
        `what the processes said last:\n${words.join("\n")}`,
      ].join("\n");
    /** All that was acknowledged before is counted, and clients get their requests acknowledged. */
    const recovered = async (fault: string): Promise<number> => {
      const endedAt = performance.now();
      const ackedBefore = clients.acked();
      await ready();
      await waitUntil(
        `all that was acknowledged before the end of the fault ${fault} is counted`,
        async () => {
          const since = (performance.now() - endedAt) / 1_000;
          return clients.acked() > ackedBefore && (await unfoldedSeconds()) < since;
        },
        RECOVERED_MS,
        standing,
      );
      return (performance.now() - endedAt) / 1_000;
    };

    const others = databases.filter((database) => database !== main);
    const homes = async (): Promise<DatabaseServer[]> => {
      if (moves === undefined) return [main];
      const places = await moves.placesNow();
      return databases.filter(({ name }) => places.has(name));
    };
    const killFoldBeforeCommit = async (): Promise<void> => {
      const database = pick(await homes());
      const isHome = async (): Promise<boolean> => (await homes()).includes(database);
      if (!(await killBetweenReadAndCommit(database, folds, isHome))) await killFoldBeforeCommit();
    };
    const killBackend = async (): Promise<void> => {
      const rows = await pick(databases).ask<{ pid: number }>(
        "select pid from pg_stat_activity where application_name like 'sluice-%' and application_name not like 'sluice-test%' order by random() limit 1",
      );
      try {
        if (rows[0] !== undefined) process.kill(rows[0].pid, "SIGKILL");
      } catch (error) {
        // It has ended by itself since it was listed.
        if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
      }
    };
    const harm = async (fault: Fault): Promise<void> => {
      if (isLogFault(fault)) return servers?.harm(fault);
      const forMs = 1_000 + random() * 7_000;
      switch (fault) {
        case "ingest":
          return pick(ingests).kill();
        case "fold":
          return pick(folds).kill();
        case "foldBeforeCommit":
          return killFoldBeforeCommit();
        case "backend":
          return killBackend();
        case "mainKilled":
          return main.kill();
        case "aggregateKilled":
          return pick(others).kill();
        case "databasePaused":
          return pick(databases).pauseFor(forMs);
        case "databaseCut":
          return pick(databases).cutFor(forMs);
        case "move":
        case "moveKilled":
          return moves?.begin(fault === "moveKilled");
      }
    };

    const kinds: Fault[] = [
      ...IN_ONE_DATABASE,
      ...(moves === undefined ? [] : IN_SEVERAL),
      ...(servers?.faults ?? []),
    ];
    const draw = shuffledDeck(kinds, random);
    const recoveries: Record<string, number[]> = {};
    for (let n = 0; n < faults; n++) {
      await sleep(300 + random() * 1_200);
      const fault = (order === undefined ? draw() : order[n % order.length]) ?? "ingest";
      say(`fault ${n + 1}: ${fault}`);
      await harm(fault);
      // A move goes on while the next fault is at work.
      const seconds = fault === "move" || fault === "moveKilled" ? null : await recovered(fault);
      if (seconds !== null) (recoveries[fault] ??= []).push(seconds);
    }
    await sleep(500);
    await moves?.ended();
    await clients.stop();
    await waitUntil(
      "everything acknowledged is counted",
      async () => (await unfoldedSeconds()) === 0,
      FOLDED_MS,
      standing,
    );
    if (servers !== undefined)
      await waitUntil("each server has caught up", servers.isCurrent, FOLDED_MS, standing);
    const report = {
      faults,
      recoveries,
      acked: clients.acked(),
      retries: clients.retries(),
      units: clients.units(),
      counted: await readCounted(databases, FEATURE),
      moves: moves?.report,
      places: moves === undefined ? {} : Object.fromEntries(await moves.placesNow()),
    };
    if (differences(report).length > 0 && servers !== undefined) {
      say(`DIFFERENT: ${differences(report).join("; ")}; what each server of the log has is looked up`);
      for (const line of await servers.find(clients.keys())) say(line);
    }
    return report;
  };

  try {
    return await run();
  } finally {
    // The last that was started first. What cannot be stopped keeps nothing else from it.
    for (const stop of undo.toReversed())
      await stop().catch((error: unknown) => say(`could not be stopped: ${String(error)}`));
  }
};
