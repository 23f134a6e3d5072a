// Runs the fold in a thread of its own, so that folding never makes a request wait; a thread that dies is started again.
import { MAIN } from "../db/aggregate-databases.ts";
import type { ErrorLog, WarningLog } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { moduleUrl } from "../runtime/place.ts";
import { superviseThread } from "../runtime/supervised-thread.ts";
import type { QuarantineEvent } from "./set-aside/make-quarantine.ts";
import type { JetStreamSettings } from "../span-log/jetstream/settings.ts";
import type { FoldReport, WorkerOptions } from "./fold-worker.ts";

/** A round takes less, also with a backlog: a thread that says nothing for longer stands still. */
const STANDSTILL_S = 15;
/** The lag of a thread that has not reported for this long grows by the time since. */
const REPORT_EVERY_S = 2;

export type Fold = {
  /** Age in seconds of the oldest acknowledged telemetry not yet folded, over all partitions; null: not known yet. */
  readonly lagSeconds: () => number | null;
  /** Says why nothing is counted; empty while the fold makes its rounds. */
  readonly notReady: () => readonly string[];
  /** Ends after the batch in work; its rows are checkpointed. */
  readonly stop: () => Promise<void>;
};

/**
 * `unitSlots` and `dedupeKeys` bound the memory: 40 bytes a slot, twice, and 7 to 8 bytes a key; by default about 170 MB
 * and 330 MB at their fullest.
 */
export const startFold = (options: {
  /** of the main database */
  databaseUrl: string;
  /** where acknowledged telemetry is kept outside the database; null: nowhere */
  spanLog: JetStreamSettings | null;
  /** So much of the sample may wait for a column store. Unset: PostgreSQL keeps the sample. */
  spoolBytes?: number | undefined;
  /** further ones that partitions live in */
  aggregateDatabases?: readonly { readonly name: string; readonly url: string }[];
  logger: ErrorLog & WarningLog;
  metrics: Pick<Metrics, "foldedSpans" | "leftOutSpans" | "setAsideSpans">;
  unitSlots?: number;
  dedupeKeys?: number;
  /** as in fair-share.ts, unless given */
  ownershipMs?: number;
  silentMs?: number;
}): Fold => {
  const { logger, metrics } = options;
  const workerData: WorkerOptions = {
    databaseUrl: options.databaseUrl,
    spanLog: options.spanLog,
    spoolBytes: options.spoolBytes ?? null,
    aggregateDatabases: [...(options.aggregateDatabases ?? [])],
    unitSlots: options.unitSlots ?? 2 ** 21,
    dedupeKeys: options.dedupeKeys ?? 45_000_000,
    ...(options.ownershipMs === undefined ? {} : { ownershipMs: options.ownershipMs }),
    ...(options.silentMs === undefined ? {} : { silentMs: options.silentMs }),
  };
  const startedAt = performance.now();
  const nothing = {
    folded: 0,
    duplicates: 0,
    capped: 0,
    unsampled: 0,
    setAside: 0,
    leftOut: {} as Readonly<Record<string, number>>,
  };
  type State = {
    readonly lagSeconds: number | null;
    readonly reportedAt: number;
    readonly lastError: string | undefined;
    readonly counted: typeof nothing;
    readonly setAsideByFeature: Readonly<Record<string, number>>;
  };
  const none: State = {
    lagSeconds: null,
    reportedAt: startedAt,
    lastError: undefined,
    counted: nothing,
    setAsideByFeature: {},
  };
  /** by database */
  const states = new Map<string, State>();
  const stateOf = (database: string): State => states.get(database) ?? none;
  const silentSeconds = ({ reportedAt }: State): number => (performance.now() - reportedAt) / 1_000;
  /** Those that fold. A database that cannot be reached says nothing about the others. */
  const folding = (): readonly State[] => {
    const all = [...states.values()];
    const heard = all.filter((state) => silentSeconds(state) < STANDSTILL_S);
    return heard.length > 0 ? heard : all;
  };

  const lag = (): number | null => {
    const known = folding().flatMap((state) => {
      if (state.lagSeconds === null) return [];
      const silentS = silentSeconds(state);
      return silentS > REPORT_EVERY_S ? state.lagSeconds + silentS : state.lagSeconds;
    });
    return known.length === 0 ? null : Math.max(...known);
  };

  const showSetAside = (): void => {
    metrics.setAsideSpans.reset();
    for (const { setAsideByFeature } of states.values())
      for (const [feature, spans] of Object.entries(setAsideByFeature))
        metrics.setAsideSpans.inc({ feature }, spans);
  };

  const logQuarantine = ({ kind, featureId, epoch, reason }: QuarantineEvent): void => {
    const facts = { featureId, epoch, ...(reason === "" ? {} : { reason }) };
    const what =
      featureId === "" ? "rows of the span log that cannot be read are" : "the telemetry of a feature is";
    if (kind === "countedAgain") logger.warn(facts, `${what} counted again, with all that was set aside`);
    else if (kind === "setAside")
      logger.error(
        facts,
        `${what} set aside: it cannot be counted, and nothing is decided about the feature. ` +
          "It is kept and tried again within a minute; the others go on",
      );
    else
      logger.error(
        facts,
        "the windows of a feature's new rule cannot be stored; it is counted by those of before",
      );
  };

  const onReport = (message: FoldReport): void => {
    switch (message.type) {
      case "state": {
        const before = stateOf(message.database);
        // A fold that has started over counts from zero.
        const counted = message.folded < before.counted.folded ? nothing : before.counted;
        for (const result of ["folded", "duplicates", "capped", "unsampled", "setAside"] as const)
          metrics.foldedSpans.inc({ result }, message[result] - counted[result]);
        for (const [reason, spans] of Object.entries(message.leftOut))
          metrics.leftOutSpans.inc({ reason }, spans - (counted.leftOut[reason] ?? 0));
        states.set(message.database, {
          lagSeconds: message.lagSeconds,
          reportedAt: performance.now(),
          lastError: undefined,
          counted: message,
          setAsideByFeature: message.setAsideByFeature ?? before.setAsideByFeature,
        });
        if (message.setAsideByFeature !== undefined) showSetAside();
        return;
      }
      case "quarantine":
        logQuarantine(message.event);
        return;
      case "logProblem":
        for (const [database, state] of states)
          states.set(database, { ...state, lastError: message.problem });
        logger.warn(
          { problem: message.problem },
          "the fold cannot read all of the span log; what it has not read is kept there, and it tries again",
        );
        return;
      case "logLost":
        logger.error(
          { loss: message.loss },
          "ALERT: the span log has lost blocks; what of them was not counted is missing in the evidence",
        );
        return;
      case "error":
        states.set(message.database, {
          ...stateOf(message.database),
          counted: nothing,
          lastError: message.message,
        });
        logger.error(
          { problem: message.message, ...(message.database === MAIN ? {} : { database: message.database }) },
          "the fold failed; it starts over from its checkpoint and loses nothing",
        );
        return;
      case "stopped":
    }
  };

  const thread = superviseThread({
    file: moduleUrl("fold-worker", import.meta.url),
    name: "fold",
    workerData,
    // Batches make much garbage, and V8 collects late where it has room for gigabytes. The tables are not in this heap.
    resourceLimits: { maxOldGenerationSizeMb: 384, maxYoungGenerationSizeMb: 32 },
    onStart: (worker) => {
      for (const [database, state] of states) states.set(database, { ...state, counted: nothing });
      worker.on("message", onReport);
    },
    logger,
  });
  return {
    lagSeconds: lag,
    notReady: () => {
      const [last = none] = [...states.values()].toSorted((a, b) => b.reportedAt - a.reportedAt);
      const silentS = silentSeconds(last);
      if (silentS < STANDSTILL_S) return [];
      const why = last.lastError === undefined ? "" : `: ${last.lastError.split("\n")[0]}`;
      return [`fold: it has counted nothing for ${Math.round(silentS)} s${why}`];
    },
    stop: thread.stop,
  };
};
