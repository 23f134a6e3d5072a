// The streams of the log: one for each partition, so that their leaders spread over the servers. They are made where they are
// missing, and checked: a stream that may drop what is not folded would break the log's promise without a word.
import {
  DiscardPolicy,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { errorText } from "../../runtime/error-text.ts";
import type { LogWarning } from "../open-span-log.ts";
import { SpanLogMisconfigured, SpanLogUnreachable } from "../span-log.ts";
import { streamOf, subjectOf, type JetStreamSettings } from "./settings.ts";

const OLDEST_SERVER = [2, 9];
/** The first release without the known causes of replicas that differ (nats-server #5939, #6459, #6943, #6944). */
const SOUND_SERVER = [2, 11, 5];
/** A block and what comes with it; blocks are divided before (append.ts). */
const MIN_PAYLOAD_BYTES = 512 * 1_024;
const NOT_FOR_ACCOUNT = 10_039;
/** JetStream's codes of errors that stay: it is not for this account, or runs on one server. */
const STAYING = new Set([NOT_FOR_ACCOUNT, 10_074]);
const GIVE_ACCOUNT =
  "Give the account JetStream (`jetstream: enabled` in the server's accounts, or `nsc edit account --js-disk-storage -1`), or sign in as a user of one that has it";

const STREAM_NOT_FOUND = 10_059;

/** JetStream's own code of an error, also of one that the library has wrapped. */
const codeOf = (error: unknown): number | undefined => {
  if (error instanceof JetStreamApiError) return error.apiError().err_code;
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : undefined;
};

export const isStreamMissing = (error: unknown): boolean => codeOf(error) === STREAM_NOT_FOUND;

const REQUEST_MS = 3_000;

export const manage = (connection: NatsConnection): Promise<JetStreamManager> =>
  jetstreamManager(connection, { checkAPI: false, timeout: REQUEST_MS });

/** `2.11.0-preview.2` counts as 2.11.0. */
const isOlder = (version: string, than: readonly number[]): boolean => {
  const parts = version.split(".").map((part) => Number.parseInt(part, 10));
  const at = than.findIndex((number, place) => (parts[place] ?? 0) !== number);
  return at >= 0 && (parts[at] ?? 0) < (than[at] ?? 0);
};

/** What to know of the server that answers; null: nothing. Replicas that differ need more than one. */
export const serverWarning = (
  info: NatsConnection["info"],
  { replicas }: Pick<JetStreamSettings, "replicas">,
): LogWarning | null =>
  info === undefined || replicas === 1 || !isOlder(info.version, SOUND_SERVER)
    ? null
    : {
        summary:
          `the server ${info.server_name} is NATS ${info.version}: when a server dies or its disk is full, the replicas of a stream ` +
          "can come to differ there, and acknowledged telemetry can be lost",
        todo: `run NATS ${SOUND_SERVER.join(".")} or newer on all servers; see "Copies that differ" in docs/operations/span-log.md`,
      };

const checkServer = (info: NatsConnection["info"]): void => {
  if (info === undefined) throw new SpanLogUnreachable("the server has not introduced itself");
  if (isOlder(info.version, OLDEST_SERVER))
    throw new SpanLogMisconfigured(
      `the server is NATS ${info.version}; the span log needs ${OLDEST_SERVER.join(".")} or newer`,
    );
  if (info.max_payload < MIN_PAYLOAD_BYTES)
    throw new SpanLogMisconfigured(
      `max_payload of the server is ${info.max_payload} bytes; the span log needs ${MIN_PAYLOAD_BYTES}`,
    );
};

const wanted = (settings: JetStreamSettings, partition: number) =>
  ({
    name: streamOf(settings, partition),
    subjects: [subjectOf(settings, partition)],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: settings.replicas,
    // Nothing may be dropped that is not folded. A limit of its own would also make the replicas of a stream differ: before NATS
    // 2.9.22 a block that is refused for it counts at some and not at others once the leader changes. What bounds the log is the
    // account or the server, who refuse a block before it is replicated.
    discard: DiscardPolicy.New,
    max_age: 0,
    max_msgs: -1,
    max_bytes: -1,
  }) satisfies Partial<StreamConfig>;

/** What is wrong with a stream that is there; empty when nothing is. */
export const streamProblems = (config: StreamConfig, want: ReturnType<typeof wanted>): string[] => {
  const problems: string[] = [];
  const say = (field: string, is: unknown, should: unknown): void => {
    if (String(is) !== String(should)) problems.push(`${field} is ${String(is)}, not ${String(should)}`);
  };
  say("num_replicas", config.num_replicas, want.num_replicas);
  say("subjects", config.subjects, want.subjects);
  say("storage", config.storage, want.storage);
  say("retention", config.retention, want.retention);
  say("discard", config.discard, want.discard);
  say("max_age", config.max_age, want.max_age);
  say("max_msgs", config.max_msgs, want.max_msgs);
  say("max_bytes", config.max_bytes, want.max_bytes);
  return problems;
};

const ensureStream = async (
  manager: JetStreamManager,
  settings: JetStreamSettings,
  partition: number,
): Promise<StreamInfo> => {
  const want = wanted(settings, partition);
  try {
    const info = await manager.streams.info(want.name);
    const problems = streamProblems(info.config, want);
    if (problems.length === 0) return info;
    throw new SpanLogMisconfigured(
      `the stream ${want.name} is not as the span log needs it: ${problems.join("; ")}. ` +
        "Edit the stream (`nats stream edit`), or set SPAN_LOG_REPLICAS as it is",
    );
  } catch (error) {
    if (!isStreamMissing(error)) throw error;
  }
  return manager.streams.add(want);
};

/** Makes the streams that are missing. Any number of processes may do so at once. */
export const ensureStreams = async (
  connection: NatsConnection,
  settings: JetStreamSettings,
  partitions: readonly number[],
): Promise<readonly StreamInfo[]> => {
  checkServer(connection.info);
  const manager = await manage(connection);
  try {
    const infos: StreamInfo[] = [];
    for (const partition of partitions) infos.push(await ensureStream(manager, settings, partition));
    return infos;
  } catch (error) {
    if (error instanceof SpanLogMisconfigured) throw error;
    const todo = codeOf(error) === NOT_FOR_ACCOUNT ? `. ${GIVE_ACCOUNT}` : "";
    const text = `the streams ${settings.prefix}-* of ${settings.replicas} replicas cannot be made or read: ${errorText(error)}${todo}`;
    throw STAYING.has(codeOf(error) ?? 0)
      ? new SpanLogMisconfigured(text, { cause: error })
      : new SpanLogUnreachable(text, { cause: error });
  }
};
