// JetStream's log as a process uses it: the connection, its streams kept as they should be, and both sides of the log.
import { setTimeout as sleep } from "node:timers/promises";
import type { StreamInfo } from "@nats-io/jetstream";
import type { Pool } from "../../db/pool.ts";
import { errorText } from "../../runtime/error-text.ts";
import type { LogWarning, OpenSpanLog, StreamState } from "../open-span-log.ts";
import { SpanLogMisconfigured } from "../span-log.ts";
import { partitionsOf } from "../../../shared/telemetry/partition-numbers.ts";
import { makeJetStreamLog } from "./append.ts";
import { makeNatsLink } from "./link.ts";
import { makeJetStreamReader } from "./read.ts";
import { removeFolded } from "./retain.ts";
import { streamOf, type JetStreamSettings } from "./settings.ts";
import { ensureStreams, serverWarning } from "./streams.ts";
import { noteStreamEnds, streamKey } from "./stream-writers.ts";

const CHECK_AGAIN_MS = 20_000;
const TRY_AGAIN_MS = 1_000;
/** So long does a process that starts wait for the log. */
const FIRST_CHECK_MS = 5_000;

const toEnd = ({ config, created, state }: StreamInfo, partition: number) => ({
  key: streamKey(config.name, created),
  partition,
  lastSeq: state.last_seq,
});

const toState = (info: StreamInfo, partition: number): StreamState => ({
  stream: info.config.name,
  partition,
  bytes: info.state.bytes,
  currentReplicas: 1 + (info.cluster?.replicas ?? []).filter(({ current }) => current).length,
  wantedReplicas: info.config.num_replicas,
});

export const openJetStream = (options: {
  settings: JetStreamSettings;
  name: string;
  pool: Pool;
  /** how many the log has */
  partitions: number;
  onProblem: (problem: string) => void;
  onLost: (loss: string) => void;
  onWarning?: (warning: LogWarning) => void;
}): Omit<OpenSpanLog, "partitions"> => {
  const { settings, pool, onProblem, onLost } = options;
  const partitions = partitionsOf(options.partitions);
  const partitionAt = (at: number): number => partitions[at] ?? -1;
  const link = makeNatsLink(settings, options.name);
  const stop = new AbortController();
  let problem: string | null = "its streams were not looked at yet";
  let states: readonly StreamState[] = [];
  let warning: LogWarning | null = null;
  const warned = new Set<string>();

  const warnOfServer = (): void => {
    warning = serverWarning(link.connection().info, settings);
    if (warning === null || warned.has(warning.summary)) return;
    warned.add(warning.summary);
    options.onWarning?.(warning);
  };

  const checkStreams = async (): Promise<void> => {
    let infos: readonly StreamInfo[];
    try {
      infos = await ensureStreams(link.connection(), settings, partitions);
      warnOfServer();
      problem = null;
    } catch (error) {
      problem = errorText(error);
      throw error;
    }
    states = infos.map((info, at) => toState(info, partitionAt(at)));
    // The log can be used without it.
    await noteStreamEnds(
      pool,
      infos.map((info, at) => toEnd(info, partitionAt(at))),
    ).catch((error: unknown) => onProblem(`where the streams end could not be stored: ${errorText(error)}`));
  };

  /** Streams that somebody has deleted are made again, and a changed one is told of. */
  const keepStreams = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await checkStreams().catch(() => onProblem(problem ?? ""));
      await sleep(problem === null ? CHECK_AGAIN_MS : TRY_AGAIN_MS, undefined, { signal: stop.signal }).catch(
        () => {},
      );
    }
  };
  let keeping: Promise<void> | undefined;

  return {
    reader: makeJetStreamReader({ link, settings, pool, nowMs: Date.now, onProblem, onLost }),
    append: () => makeJetStreamLog({ link, settings, partitions: options.partitions }),
    check: async () => {
      const until = performance.now() + FIRST_CHECK_MS;
      while (performance.now() < until) {
        try {
          await checkStreams();
          break;
        } catch (error) {
          if (error instanceof SpanLogMisconfigured) throw error;
          await sleep(100);
        }
      }
      keeping ??= keepStreams();
    },
    follow: () => {
      keeping ??= keepStreams();
    },
    warnings: () => (warning === null ? [] : [warning]),
    notReady: () => (problem === null ? [] : [`span log: ${problem}`]),
    removeFolded: async (positions) => {
      await removeFolded({ link, settings, pool, nowMs: Date.now }, positions);
    },
    streamNames: partitions.map((partition) => streamOf(settings, partition)),
    streams: () => states,
    stop: async () => {
      stop.abort();
      await keeping;
      // What was appended since the last look may be left there, if no other process reads it.
      if (keeping !== undefined && problem === null) await checkStreams().catch(() => {});
      await link.close();
    },
  };
};
