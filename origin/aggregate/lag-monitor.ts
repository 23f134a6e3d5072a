// How far the fold is behind, whoever folds: what is acknowledged and not folded, asked of the database.
import type { Pool } from "../db/pool.ts";
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import type { SpanLogReader } from "../span-log/span-log.ts";
import { databaseOf, MAIN, readPlaces, type AggregateDatabase } from "../db/aggregate-databases.ts";
import { readAllPositions, readPositions } from "./checkpoints.ts";

/** From here on nothing would be decided (origin/decide/guards.ts): the partitions of one database stop no others. */
const AWAY_FROM_LAG_S = 60;
const PARTITIONS_EVERY_MS = 5_000;
/** An older answer does not count. */
const STALE_MS = 5_000;

/** How far the fold of one database's partitions is behind. */
const makeLag = (nowMs: () => number) => {
  let seconds = 0;
  let readAt = Number.NEGATIVE_INFINITY;
  const startedAt = nowMs();
  return {
    /** The last answer and the time since: nothing is known to be folded in that time. */
    atLeastSeconds: (): number => seconds + Math.max(0, nowMs() - Math.max(readAt, startedAt)) / 1_000,
    note: (read: number, askedAt: number): void => {
      seconds = read;
      readAt = askedAt;
    },
    lagSeconds: (): number | null => (nowMs() - readAt > STALE_MS ? null : seconds),
  };
};

type PartitionLag = { readonly partition: number; readonly database: string; readonly seconds: number };

type Needs = {
  readonly pool: Pool;
  readonly spanLog: Pick<SpanLogReader, "unfoldedSeconds">;
  /** Those that partitions live in; the main one alone when they are not given. */
  readonly databases?: readonly AggregateDatabase[];
};

/** Call `read` now and then; `lagSeconds` is null while there is no recent answer. `nowMs`: a monotonic clock. */
export const makeLagMonitor = ({ pool, spanLog, databases = [] }: Needs, nowMs: () => number) => {
  const main = makeLag(nowMs);
  const lags = new Map([[MAIN, main]]);
  const lagOf = (database: string) => {
    const known = lags.get(database) ?? makeLag(nowMs);
    lags.set(database, known);
    return known;
  };
  let living: readonly string[] = [MAIN];

  /** Rejects when the log, or any of the databases, cannot be asked; the others are known nevertheless. */
  const readEach = async (): Promise<void> => {
    const { byDatabase } = await readPlaces(pool);
    living = [...byDatabase.keys()];
    const outcomes = await Promise.allSettled(
      Array.from(byDatabase, async ([name, partitions]) => {
        const askedAt = nowMs();
        const positions = await readPositions(databaseOf(databases, name).pool(), partitions);
        lagOf(name).note(await spanLog.unfoldedSeconds(positions), askedAt);
      }),
    );
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  };

  return {
    /** The most of any database. */
    atLeastSeconds: (): number => Math.max(...living.map((name) => lagOf(name).atLeastSeconds())),
    read: async (): Promise<void> => {
      if (databases.length > 1) return readEach();
      const askedAt = nowMs();
      main.note(await spanLog.unfoldedSeconds(await readAllPositions(pool)), askedAt);
    },
    /** Of one database. */
    lagOf: (database: string): number | null => lagOf(database).lagSeconds(),
    /** Of each partition by itself: one question each. Of a database that cannot be asked, its lag is that of its partitions. */
    readPartitions: async (): Promise<PartitionLag[]> => {
      const { byDatabase } = await readPlaces(pool);
      const ofDatabase = async (database: string, partitions: readonly number[]): Promise<PartitionLag[]> => {
        const db = database === MAIN ? pool : databaseOf(databases, database).pool();
        const { checkpoints } = await readPositions(db, partitions);
        return Promise.all(
          partitions.map(async (partition) => ({
            partition,
            database,
            seconds: await spanLog.unfoldedSeconds({ partitions: [partition], checkpoints }),
          })),
        );
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
  readonly lagOf: (database: string) => number | null;
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
