// How far the fold is behind, whoever folds: what is acknowledged and not folded, asked of the database.
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "../db/pool.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import { mostBehind, type FoldPositions, type SpanLogReader } from "../span-log/span-log.ts";
import {
  databaseOf,
  MAIN,
  readPlaces,
  type AggregateDatabase,
  type Places,
} from "../db/aggregate-databases.ts";
import { readPositions } from "./checkpoints.ts";

/** From here on nothing would be decided (origin/decide/guards.ts): the partitions of one database stop no others. */
const AWAY_FROM_LAG_S = 60;
const PARTITIONS_EVERY_MS = 5_000;
/** Where there is one database, partitions go nowhere while this process runs: another one would have to be configured otherwise. */
const PLACES_OF_ONE_MS = 5_000;
/** An older answer does not count. */
const STALE_MS = 5_000;
/** A database that says nothing for so long holds up the answers of the others no more. */
const ANSWER_MS = 1_000;
/** Databases that answer within so long of each other are looked up in the log together. */
const TOGETHER_MS = 200;

/** `moves`: the state of the places by which it was asked. */
type Answer = { readonly seconds: number; readonly askedAt: number; readonly moves: number };

/** How far the fold of one database's partitions is behind. */
const makeLag = (nowMs: () => number) => {
  let last: Answer | undefined;
  const startedAt = nowMs();
  const recent = (): Answer | null => (last === undefined || nowMs() - last.askedAt > STALE_MS ? null : last);
  return {
    /** The last answer and the time since: nothing is known to be folded in that time. */
    atLeastSeconds: (): number =>
      (last?.seconds ?? 0) + Math.max(0, nowMs() - (last?.askedAt ?? startedAt)) / 1_000,
    note: (answer: Answer): void => {
      last = answer;
    },
    lagSeconds: (): number | null => recent()?.seconds ?? null,
    /** null also when partitions have come or gone since: the answer says nothing of those that live there now. */
    lagSecondsAt: (moves: number): number | null => {
      const answer = recent();
      return answer?.moves === moves ? answer.seconds : null;
    },
  };
};

type Ask = SpanLogReader["unfoldedByPartition"];

/**
 * Questions of the log that come together are asked as one: `most` of them, or those that have come when the time is over. The answer has
 * the partitions of all.
 */
const asOne = (ask: Ask, most: () => number): Ask => {
  type Group = { readonly parts: FoldPositions[]; readonly full: AbortController };
  let open: (Group & { readonly answer: ReturnType<Ask> }) | undefined;
  const askFor = async ({ parts, full }: Group): ReturnType<Ask> => {
    await sleep(TOGETHER_MS, undefined, { signal: full.signal }).catch(() => {});
    if (!full.signal.aborted) open = undefined;
    return ask({
      partitions: parts.flatMap(({ partitions }) => partitions),
      checkpoints: parts.flatMap(({ checkpoints }) => checkpoints),
    });
  };
  const begin = (): NonNullable<typeof open> => {
    const group: Group = { parts: [], full: new AbortController() };
    return { ...group, answer: askFor(group) };
  };
  return (positions) => {
    const group = (open ??= begin());
    group.parts.push(positions);
    if (group.parts.length >= most()) {
      open = undefined;
      group.full.abort();
    }
    return group.answer;
  };
};

type PartitionLag = { readonly partition: number; readonly database: string; readonly seconds: number };

type Needs = {
  readonly pool: Pool;
  readonly spanLog: Pick<SpanLogReader, "unfoldedByPartition">;
  /** Those that partitions live in; the main one alone when they are not given. */
  readonly databases?: readonly AggregateDatabase[];
};

/** Call `read` now and then; `lagSeconds` is null while there is no recent answer. `nowMs`: a monotonic clock. */
export const makeLagMonitor = ({ pool, spanLog, databases = [] }: Needs, nowMs: () => number) => {
  const lags = new Map<string, ReturnType<typeof makeLag>>();
  const lagOf = (database: string) => {
    const known = lags.get(database) ?? makeLag(nowMs);
    lags.set(database, known);
    return known;
  };
  const poolOf = (database: string): Pool =>
    database === MAIN ? pool : databaseOf(databases, database).pool();
  /** Places that this process knows: evaluations leave out the people of others. */
  let living: readonly string[] = [MAIN];
  const asking = new Map<string, Promise<Answer>>();
  let lastPlaces: { readonly places: Places; readonly atMs: number } | undefined;

  const unfolded = asOne(spanLog.unfoldedByPartition, () => lastPlaces?.places.byDatabase.size ?? 1);

  const placesNow = async (): Promise<Places> => {
    const atMs = nowMs();
    if (databases.length <= 1 && lastPlaces !== undefined && atMs - lastPlaces.atMs < PLACES_OF_ONE_MS)
      return lastPlaces.places;
    lastPlaces = { places: await readPlaces(pool), atMs };
    return lastPlaces.places;
  };

  const ask = async (database: string, partitions: readonly number[], moves: number): Promise<Answer> => {
    const askedAt = nowMs();
    const positions = await readPositions(poolOf(database), partitions);
    const answer = await unfolded(positions);
    const own = new Map([...answer].filter(([partition]) => partitions.includes(partition)));
    return { seconds: mostBehind(own), askedAt, moves };
  };

  /** A database that has not answered yet is not asked anew meanwhile. */
  const answerOf = (database: string, partitions: readonly number[], moves: number): Promise<Answer> => {
    const known = asking.get(database);
    if (known !== undefined) return known;
    const answer = ask(database, partitions, moves).finally(() => asking.delete(database));
    asking.set(database, answer);
    return answer;
  };

  const answerInTime = async (database: string, answer: Promise<Answer>): Promise<Answer> => {
    const late = new AbortController();
    try {
      return await Promise.race([
        answer,
        sleep(ANSWER_MS, undefined, { signal: late.signal }).then(() => {
          throw new Error(`the database ${database} has not answered within ${ANSWER_MS} ms`);
        }),
      ]);
    } finally {
      late.abort();
    }
  };

  /**
   * Rejects when the log, or any of the databases, cannot be asked; the others are known nevertheless, all from the same moment on:
   * one that is known before the next would make it seem away.
   */
  const readEach = async (): Promise<void> => {
    const { moves, byDatabase } = await placesNow();
    const named = new Set([MAIN, ...databases.map(({ name }) => name)]);
    const asked = [...byDatabase].filter(([name]) => named.has(name));
    const outcomes = await Promise.allSettled(
      asked.map(([name, partitions]) => {
        const answer = answerOf(name, partitions, moves);
        return asked.length === 1 ? answer : answerInTime(name, answer);
      }),
    );
    living = asked.map(([name]) => name);
    for (const [at, outcome] of outcomes.entries())
      if (outcome.status === "fulfilled") lagOf(living[at] ?? "").note(outcome.value);
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  };

  return {
    /** The most of any database. */
    atLeastSeconds: (): number => Math.max(0, ...living.map((name) => lagOf(name).atLeastSeconds())),
    read: readEach,
    /** Of one database with the partitions that live there after so many moves. */
    lagOf: (database: string, moves: number): number | null => lagOf(database).lagSecondsAt(moves),
    /** Of each partition by itself. Of a database that cannot be asked, its lag is that of its partitions. */
    readPartitions: async (): Promise<PartitionLag[]> => {
      const { byDatabase } = await placesNow();
      const ofDatabase = async (database: string, partitions: readonly number[]): Promise<PartitionLag[]> => {
        const answer = await unfolded(await readPositions(poolOf(database), partitions));
        return partitions.map((partition) => ({
          partition,
          database,
          seconds: answer.get(partition) ?? 0,
        }));
      };
      const lagged = Array.from(byDatabase, ([database, partitions]) =>
        ofDatabase(database, partitions).catch(() =>
          partitions.map((partition) => ({ partition, database, seconds: lagOf(database).atLeastSeconds() })),
        ),
      );
      return (await Promise.all(lagged)).flat();
    },
    /** The most of those databases of which it is known and that are not so far behind that they are left out; else of all. */
    lagSeconds: (): number | null => {
      const known = living.flatMap((name) => lagOf(name).lagSeconds() ?? []);
      if (known.length === 0) return null;
      const near = known.filter((seconds) => seconds <= AWAY_FROM_LAG_S);
      return Math.max(...(near.length === 0 ? known : near));
    },
  };
};

/**
 * Reads the lag every `everyMs` and shows it in the metrics of every process, also while its own fold, or the database, does not
 * answer. A process without the role `fold` evaluates by it.
 */
export const startLagMonitor = (
  options: Needs & {
    everyMs: number;
    metrics: Pick<Metrics, "ingestLagSeconds" | "partitionLagSeconds">;
    log: Logger;
  },
): {
  readonly lagSeconds: () => number | null;
  readonly lagOf: (database: string, moves: number) => number | null;
  readonly stop: () => Promise<void>;
} => {
  const { everyMs, metrics, log } = options;
  const monitor = makeLagMonitor(options, () => performance.now());
  const show = (): void => {
    metrics.ingestLagSeconds.set(monitor.atLeastSeconds());
  };
  const partitions = startPeriodicTask({
    everyMs: PARTITIONS_EVERY_MS,
    run: async () => {
      const lags = await monitor.readPartitions();
      metrics.partitionLagSeconds.reset();
      for (const { partition, database, seconds } of lags)
        metrics.partitionLagSeconds.set({ partition: String(partition), database }, seconds);
    },
    // The other task says what is wrong.
    onError: () => metrics.partitionLagSeconds.reset(),
  });
  const task = startPeriodicTask({
    everyMs,
    run: async () => {
      await monitor.read();
      show();
    },
    onError: (error) => {
      show();
      const what =
        monitor.lagSeconds() === null
          ? "the fold's lag could not be read; nothing is decided until it can be read again"
          : "the fold's lag could not be read from every database; the people of those are left out";
      log.error({ err: error }, what);
    },
  });
  return {
    lagSeconds: monitor.lagSeconds,
    lagOf: monitor.lagOf,
    stop: async () => {
      await partitions.stop();
      await task.stop();
    },
  };
};
