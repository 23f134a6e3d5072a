// Opens the log that the configuration names. JetStream's client is loaded only where it is configured. PostgreSQL's log is read
// in any case: while ingest moves from one log to the other, blocks lie in both.
import type { Pool } from "../db/pool.ts";
import { readPartitionCount } from "./fix-partitions.ts";
import { makeSpanLog } from "./append.ts";
import type { JetStreamSettings } from "./jetstream/settings.ts";
import { makePostgresLogReader } from "./read-log.ts";
import type { FoldPositions, SpanLog, SpanLogReader } from "./span-log.ts";

/** How the streams of a log outside the database are. */
export type StreamState = {
  readonly stream: string;
  readonly partition: number;
  readonly bytes: number;
  /** those that have all blocks, the leader among them */
  readonly currentReplicas: number;
  readonly wantedReplicas: number;
};

/** Something about a log that works, and what to do about it. */
export type LogWarning = { readonly summary: string; readonly todo: string };

export type OpenSpanLog = {
  /** How many it has. */
  readonly partitions: number;
  readonly reader: SpanLogReader;
  /**
   * Ingest's side; `pool` is for PostgreSQL's log alone, and so is `onLost`: it hears how many acknowledged records a promoted
   * standby lacks.
   */
  readonly append: (pool: Pool, onLost?: (records: number | null) => void) => SpanLog;
  /** Resolves when the log can be used, and also when it cannot be reached. Rejects with SpanLogMisconfigured. */
  readonly check: () => Promise<void>;
  /** Looks at the streams now and then, as `check` does from then on: for a process that shows them and does not need them. */
  readonly follow: () => void;
  /** Why telemetry cannot be taken or read; empty when it can. */
  readonly notReady: () => readonly string[];
  readonly warnings: () => readonly LogWarning[];
  /** Removes from logs outside the database what is folded and old. */
  readonly removeFolded: (positions: FoldPositions) => Promise<void>;
  /** Empty where there are none: PostgreSQL's log. */
  readonly streamNames: readonly string[];
  /** Null where there are none. */
  readonly streams: (() => readonly StreamState[]) | null;
  readonly stop: () => Promise<void>;
};

/** The same sentence is not said again for this long. */
const SAY_AGAIN_MS = 30_000;
const MOST_SAID = 100;

const saidSeldom = (say: (problem: string) => void): ((problem: string) => void) => {
  const saidAt = new Map<string, number>();
  return (problem) => {
    const now = performance.now();
    const last = saidAt.get(problem);
    if (last !== undefined && now - last < SAY_AGAIN_MS) return;
    if (saidAt.size >= MOST_SAID) saidAt.clear();
    saidAt.set(problem, now);
    say(problem);
  };
};

/** Both logs at once. Their writers have numbers from one sequence, so a checkpoint is of one of them. */
export const readBoth = (one: SpanLogReader, other: SpanLogReader): SpanLogReader => ({
  readUnfolded: async (positions) => [
    ...(await one.readUnfolded(positions)),
    ...(await other.readUnfolded(positions)),
  ],
  unfoldedSeconds: async (positions) =>
    Math.max(await one.unfoldedSeconds(positions), await other.unfoldedSeconds(positions)),
  unfoldedByPartition: async (positions) => {
    const lags = new Map(await one.unfoldedByPartition(positions));
    for (const [partition, seconds] of await other.unfoldedByPartition(positions))
      lags.set(partition, Math.max(seconds, lags.get(partition) ?? 0));
    return lags;
  },
  readFoldedKeys: async (positions, seconds, visit) => {
    await one.readFoldedKeys(positions, seconds, visit);
    await other.readFoldedKeys(positions, seconds, visit);
  },
});

/**
 * `name`: what the log's servers show this process as. `pool`: of the main database. `onProblem` hears of what keeps a log outside
 * the database from being read or made, `onLost` of blocks that are gone before they were folded, both seldom of the same; `onWarning`
 * of each warning once.
 */
export const openSpanLog = async (options: {
  settings: JetStreamSettings | null;
  name: string;
  pool: Pool;
  onProblem: (problem: string) => void;
  onLost?: (loss: string) => void;
  onWarning?: (warning: LogWarning) => void;
}): Promise<OpenSpanLog> => {
  const { settings, pool } = options;
  const postgres = makePostgresLogReader(pool);
  const partitions = await readPartitionCount(pool);
  if (settings === null)
    return {
      partitions,
      reader: postgres,
      append: (its, onLost) =>
        makeSpanLog({ pool: its, partitions, ...(onLost === undefined ? {} : { onLost }) }),
      check: async () => {},
      follow: () => {},
      notReady: () => [],
      warnings: () => [],
      removeFolded: async () => {},
      streamNames: [],
      streams: null,
      stop: async () => {},
    };
  const { openJetStream } = await import("./jetstream/open-jetstream.ts");
  const onProblem = saidSeldom(options.onProblem);
  const onLost = options.onLost === undefined ? onProblem : saidSeldom(options.onLost);
  const { reader, ...rest } = openJetStream({ ...options, settings, partitions, onProblem, onLost });
  return { ...rest, partitions, reader: readBoth(postgres, reader) };
};
