// Upkeep of the telemetry's tables, apart from the fold: what has to wait for a lock here makes nobody else wait.
import { errorText } from "../runtime/error-text.ts";
import type { WarningLog } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { startPeriodicTask } from "../runtime/periodic-task.ts";
import type { Pool } from "../db/pool.ts";
import { OtherKeeperError } from "../db/time-partitions.ts";
import { dropFoldedLogPartitions, ensureLogPartitions, logCoversSeconds } from "../span-log/partitions.ts";
import type { OpenSpanLog } from "../span-log/open-span-log.ts";
import { MAIN, type AggregateDatabase } from "../db/aggregate-databases.ts";
import { forgetCheckpoints, readPositionsOfAll } from "./checkpoints.ts";
import { asMover, finishMoves, readUnfinished, unfinishedText } from "./move/finish-moves.ts";
import { pruneEndedEpochs, pruneUnusedPseudonyms } from "./prune-epochs.ts";
import { pruneOldUnits } from "./prune-old-units.ts";
import { dropOldRawSpanPartitions, ensureRawSpanPartitions } from "./raw-spans/raw-span-partitions.ts";

const EVERY_MS = 20_000;
const PRUNE_UNITS_EVERY_MS = 6 * 3_600_000;
/**
 * Another process may be at a step: at a first start each comes to make the partitions of two days. It is told of when it is so this
 * often in a row.
 */
const OTHERS_ROUNDS = 3;
/** With less of the log's partitions ahead the process is not ready: a person has to look. */
const MIN_AHEAD_SECONDS = 1_800;

export type TableUpkeep = {
  /** Says that telemetry will soon have no place to go; empty when it has. */
  readonly notReady: () => readonly string[];
  readonly stop: () => Promise<void>;
};

/** What is folded and so old that no restart needs it leaves the log, and checkpoints of no use any more leave with it. */
const forgetFoldedLog = async (pool: Pool, databases: readonly AggregateDatabase[]): Promise<void> => {
  const { checkpoints } = await readPositionsOfAll(pool, databases);
  const { endedWriters } = await dropFoldedLogPartitions(pool, checkpoints);
  await forgetCheckpoints(pool, endedWriters);
  for (const database of othersOf(databases)) await forgetCheckpoints(database.pool(), endedWriters);
};

/** The same for a log outside the database. */
const removeFoldedBlocks = async (
  pool: Pool,
  databases: readonly AggregateDatabase[],
  { removeFolded }: Pick<OpenSpanLog, "removeFolded">,
): Promise<void> => removeFolded(await readPositionsOfAll(pool, databases));

/** Throws when there are moves that cannot be finished now. */
const finishInterrupted = async (pool: Pool, databases: readonly AggregateDatabase[]): Promise<void> => {
  // Without the mover's lock, which keeps the command waiting.
  if ((await readUnfinished(databases)).length === 0) return;
  // null: the command is at work, or another origin.
  const { unfinished } = (await asMover(pool, 0, () => finishMoves(pool, databases))) ?? { unfinished: [] };
  if (unfinished.length > 0) throw new Error(unfinished.map(unfinishedText).join("; "));
};

const othersOf = (databases: readonly AggregateDatabase[]): readonly AggregateDatabase[] =>
  databases.filter(({ name }) => name !== MAIN);

/** `pool` is its own, and ends with it. */
export const startTableUpkeep = (options: {
  pool: Pool;
  spanLog: Pick<OpenSpanLog, "removeFolded" | "streams">;
  /** Those that partitions live in; the main one alone when they are not given. */
  databases?: readonly AggregateDatabase[];
  /** as EVERY_MS, unless given */
  everyMs?: number;
  rawKeepDays: number;
  unitKeepDays: number;
  metrics: Pick<Metrics, "logAheadSeconds" | "logBytes" | "logCurrentReplicas">;
  log: WarningLog;
}): TableUpkeep => {
  const {
    pool,
    databases = [],
    spanLog,
    everyMs = EVERY_MS,
    rawKeepDays,
    unitKeepDays,
    metrics,
    log,
  } = options;
  let aheadSeconds: number | undefined;
  let pruneUnitsAt = 0;
  const steps: readonly (readonly [what: string, work: () => Promise<unknown>])[] = [
    // A new database has none: the nearest first, without which nothing can be stored.
    ["the span log's first partitions could not be attached", () => ensureLogPartitions(pool, 1)],
    [
      "the next partitions of otel_spans could not be attached",
      () => ensureRawSpanPartitions(pool, rawKeepDays),
    ],
    ["the span log's next partitions could not be attached", () => ensureLogPartitions(pool)],
    [
      "folded blocks of the span log could not be removed",
      async () => {
        const { streams } = spanLog;
        if (streams === null) return;
        await removeFoldedBlocks(pool, databases, spanLog);
        for (const { partition, bytes, currentReplicas } of streams()) {
          metrics.logBytes.set({ partition }, bytes);
          metrics.logCurrentReplicas.set({ partition }, currentReplicas);
        }
      },
    ],
    ["folded partitions of the span log could not be dropped", () => forgetFoldedLog(pool, databases)],
    ["old partitions of otel_spans could not be dropped", () => dropOldRawSpanPartitions(pool, rawKeepDays)],
    [
      "units of ended epochs could not be deleted",
      async () => {
        while (await pruneEndedEpochs(pool, pool));
        await pruneUnusedPseudonyms(pool);
      },
    ],
    ...(databases.length > 1
      ? [
          [
            "moves of partitions that were interrupted could not be finished",
            () => finishInterrupted(pool, databases),
          ] as const,
        ]
      : []),
    ...othersOf(databases).map(
      ({ name, pool: poolOf }) =>
        [
          `tables of the aggregate database ${name} could not be kept`,
          async () => {
            await ensureRawSpanPartitions(poolOf(), rawKeepDays);
            await dropOldRawSpanPartitions(poolOf(), rawKeepDays);
            while (await pruneEndedEpochs(pool, poolOf()));
          },
        ] as const,
    ),
    [
      "old units could not be deleted",
      async () => {
        if (performance.now() < pruneUnitsAt) return;
        await pruneOldUnits(pool, unitKeepDays);
        for (const other of othersOf(databases)) await pruneOldUnits(other.pool(), unitKeepDays);
        pruneUnitsAt = performance.now() + PRUNE_UNITS_EVERY_MS;
      },
    ],
    [
      "the span log's partitions could not be listed",
      async () => {
        aheadSeconds = await logCoversSeconds(pool);
        metrics.logAheadSeconds.set(aheadSeconds);
      },
    ],
  ];
  /** by step: how often in a row another process was at it */
  const others = new Map<string, number>();
  const tryStep = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      others.delete(what);
    } catch (error) {
      const isOthers = error instanceof OtherKeeperError;
      const rounds = isOthers ? (others.get(what) ?? 0) + 1 : 0;
      others.set(what, rounds);
      if (!isOthers || rounds >= OTHERS_ROUNDS)
        log.warn({ error: errorText(error) }, `${what}; it is tried again in ${everyMs / 1_000} s`);
    }
  };
  const task = startPeriodicTask({
    firstAfterMs: 0,
    everyMs,
    run: async () => {
      // One step that cannot be done is no reason to leave out the others.
      for (const [what, work] of steps) await tryStep(what, work);
    },
    onError: () => {},
  });
  return {
    notReady: () =>
      aheadSeconds !== undefined && aheadSeconds < MIN_AHEAD_SECONDS
        ? [`span log: there are partitions for the next ${Math.round(aheadSeconds)} s only`]
        : [],
    stop: async () => {
      await task.stop();
      await pool.end();
    },
  };
};
