// Reads JetStream's log for the fold. Consumers acknowledge nothing and are kept in a server's memory: how far the log is folded
// stands with the aggregates. A consumer that breaks, or leaves out a message, is replaced by one that begins at the checkpoint.
import { AckPolicy, DeliverPolicy, type JetStreamManager, type StreamInfo } from "@nats-io/jetstream";
import type { Pool } from "../../db/pool.ts";
import { errorText } from "../../runtime/error-text.ts";
import {
  mostBehind,
  SpanLogUnreachable,
  type FoldPositions,
  type LogRow,
  type SpanLogReader,
} from "../span-log.ts";
import { describeDeleted } from "./deleted-stream.ts";
import { firstYoungerThan } from "./find-time.ts";
import type { NatsLink } from "./link.ts";
import { decodeMessage } from "./message.ts";
import { pull, type PulledMessage } from "./pull.ts";
import { streamOf, type JetStreamSettings } from "./settings.ts";
import { isStreamMissing, manage } from "./streams.ts";
import {
  nameStream,
  readStreamBefore,
  readStreamWriters,
  streamKey,
  type StreamWriter,
} from "./stream-writers.ts";

/** Servers forget a consumer that is not asked for this long. */
const FORGET_CONSUMER_S = 30;
/** A new leader may look shorter for a moment. A stream that is still shorter after this time has lost blocks. */
const LOST_AFTER_MS = 5_000;
const NS_PER_S = 1_000_000_000;

/** A server whose copy of a stream stands still is noticed after this time without a message. */
const STANDSTILL_MS = 1_500;

/** A consumer that does not answer so often in a row is given up. */
const SILENCES = 3;

/** A consumer and the message that it gives next. */
type Reading = {
  readonly consumer: string;
  /** the server that it is at */
  readonly server: string;
  readonly writer: number;
  next: number;
  /** it has given none */
  isNew: boolean;
  /** requests in a row without an answer */
  silences: number;
  /** since when it has given none, or was seen to have given all */
  emptySinceMs: number;
};

export const messageTime = async (
  manager: JetStreamManager,
  stream: string,
  seq: number,
): Promise<number | null> => (await manager.streams.getMessage(stream, { seq }))?.time.getTime() ?? null;

const foldedUpTo = (
  { checkpoints }: FoldPositions,
  partition: number,
  { writer, beginsAfter }: StreamWriter,
): number =>
  Math.max(
    beginsAfter,
    checkpoints.find((each) => each.partition === partition && each.writer === writer)?.seq ?? 0,
  );

/** Null where the stream is not made yet. */
export const streamInfo = async (manager: JetStreamManager, name: string): Promise<StreamInfo | null> => {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (isStreamMissing(error)) return null;
    throw error;
  }
};

const addConsumer = (manager: JetStreamManager, stream: string, first: number) =>
  manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: first,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: FORGET_CONSUMER_S * NS_PER_S,
  });

/** `onProblem` hears of what keeps a partition from being read, `onLost` of blocks that are gone before they were folded. */
export const makeJetStreamReader = (options: {
  link: NatsLink;
  settings: JetStreamSettings;
  /** of the main database: it has the numbers of streams */
  pool: Pool;
  nowMs: () => number;
  onProblem: (problem: string) => void;
  onLost: (loss: string) => void;
}): SpanLogReader => {
  const { link, settings, pool, nowMs, onProblem, onLost } = options;
  const readings = new Map<number, Reading>();
  /** by partition, the last message that was read: one of another time in its place is another message */
  const lastRead = new Map<number, { seq: number; atMs: number }>();
  const shorterSince = new Map<number, number>();
  /** numbers of streams of which it was said that they took the place of another */
  const told = new Set<number>();

  const writerOf = async (name: string, partition: number, info: StreamInfo): Promise<StreamWriter> => {
    const key = streamKey(name, info.created);
    const known = (await readStreamWriters(pool, [key])).get(key);
    return known ?? nameStream(pool, { key, partition }, { losses: 0, beginsAfter: 0 });
  };

  /** Says what is gone with the stream that had the name of this one, of which nothing is folded yet. */
  const tellOfStreamBefore = async (
    name: string,
    created: string,
    writer: StreamWriter,
    positions: FoldPositions,
  ): Promise<void> => {
    if (writer.losses > 0 || told.has(writer.writer)) return;
    const before = await readStreamBefore(pool, name, writer);
    told.add(writer.writer);
    if (before === null) return;
    const folded = foldedUpTo(positions, before.partition, before);
    const said = describeDeleted({ name, createdMs: Date.parse(created), before, folded });
    if (said !== null) (said.isLoss ? onLost : onProblem)(said.text);
  };

  /** Whether blocks that are folded are no longer in the stream, and others may have their numbers. */
  const hasLost = async (
    manager: JetStreamManager,
    partition: number,
    { state }: StreamInfo,
    folded: number,
  ): Promise<boolean> => {
    if (state.last_seq < folded) return true;
    const last = lastRead.get(partition);
    if (last === undefined || last.seq !== folded || folded < state.first_seq) return false;
    const time = await messageTime(manager, streamOf(settings, partition), folded);
    return time !== null && Math.abs(time - last.atMs) > 1;
  };

  /** The stream goes on under another number from the last folded block that it still has. */
  const renameStream = async (
    manager: JetStreamManager,
    partition: number,
    info: StreamInfo,
    before: StreamWriter & { folded: number },
  ): Promise<void> => {
    const name = streamOf(settings, partition);
    const last = lastRead.get(partition);
    const { first_seq: first, last_seq: end } = info.state;
    const beginsAfter =
      last === undefined
        ? end
        : (await firstYoungerThan({ first, last: end }, last.atMs, (seq) =>
            messageTime(manager, name, seq),
          )) - 1;
    const { losses } = before;
    await nameStream(
      pool,
      { key: streamKey(name, info.created), partition },
      { losses: losses + 1, beginsAfter },
    );
    lastRead.delete(partition);
    onLost(
      `the stream ${name} has lost blocks: it was folded up to ${before.folded}, and goes on from ${beginsAfter}. ` +
        "Acknowledged telemetry of the last moments is gone if it was not folded; see docs/operations/span-log.md on power failures",
    );
  };

  const begin = async (partition: number, positions: FoldPositions): Promise<Reading | null> => {
    const connection = link.connection();
    const manager = await manage(connection);
    const name = streamOf(settings, partition);
    const info = await streamInfo(manager, name);
    if (info === null) return null;
    const writer = await writerOf(name, partition, info);
    const folded = foldedUpTo(positions, partition, writer);
    if (await hasLost(manager, partition, info, folded)) {
      const since = shorterSince.get(partition) ?? nowMs();
      shorterSince.set(partition, since);
      if (nowMs() - since < LOST_AFTER_MS)
        throw new SpanLogUnreachable(
          `the stream ${name} ends at ${info.state.last_seq}, before what is folded`,
        );
      await renameStream(manager, partition, info, { ...writer, folded });
      shorterSince.delete(partition);
      return null;
    }
    shorterSince.delete(partition);
    if (folded === 0) await tellOfStreamBefore(name, info.created, writer, positions);
    const next = Math.max(folded + 1, info.state.first_seq);
    if (next > folded + 1)
      onLost(
        `the stream ${name} no longer has the blocks ${folded + 1} to ${next - 1}: they were removed before they were folded here`,
      );
    const { name: consumer, cluster } = await addConsumer(manager, name, next);
    return {
      consumer,
      server: cluster?.leader ?? "the only one",
      writer: writer.writer,
      next,
      isNew: true,
      silences: 0,
      emptySinceMs: nowMs(),
    };
  };

  const drop = (partition: number): void => {
    const reading = readings.get(partition);
    readings.delete(partition);
    if (reading === undefined) return;
    // Where it cannot be reached, its server forgets it by itself.
    const name = streamOf(settings, partition);
    void (async () => {
      const manager = await manage(link.connection());
      await manager.consumers.delete(name, reading.consumer);
    })().catch(() => {});
  };

  /** A block that the leader does not have either is gone for good; one that it has was left out by the consumer. */
  const passOverGap = async (partition: number, reading: Reading, found: number): Promise<void> => {
    const name = streamOf(settings, partition);
    const manager = await manage(link.connection());
    if ((await messageTime(manager, name, reading.next)) !== null) return;
    onLost(
      `the stream ${name} has no blocks ${reading.next} to ${found - 1}: they were removed before they were folded here`,
    );
    reading.next = found;
  };

  /** Whether the stream's leader has messages that the consumer's server does not give. */
  const standsStill = async (partition: number, reading: Reading): Promise<boolean> => {
    if (nowMs() - reading.emptySinceMs < STANDSTILL_MS) return false;
    const manager = await manage(link.connection());
    const info = await streamInfo(manager, streamOf(settings, partition));
    reading.emptySinceMs = nowMs();
    return info !== null && info.state.last_seq >= reading.next;
  };

  /** The messages that follow one another without a gap, as rows. */
  const toRows = (partition: number, reading: Reading, messages: readonly PulledMessage[]): LogRow[] => {
    const rows: LogRow[] = [];
    for (const { seq, atMs, data } of messages) {
      if (seq !== reading.next) break;
      reading.next++;
      rows.push({ partition, writer: reading.writer, seq, atMs, ...decodeMessage(data) });
    }
    return rows;
  };

  const readPartition = async (partition: number, positions: FoldPositions): Promise<LogRow[]> => {
    let reading = readings.get(partition);
    if (reading !== undefined) {
      const { writer, next } = reading;
      const folded = positions.checkpoints.find(
        (each) => each.partition === partition && each.writer === writer,
      );
      // What was read before was not folded: it is read again.
      if (folded !== undefined && folded.seq + 1 !== next) {
        drop(partition);
        reading = undefined;
      }
    }
    if (reading === undefined) {
      const begun = await begin(partition, positions);
      if (begun === null) return [];
      readings.set(partition, (reading = begun));
    }
    const name = streamOf(settings, partition);
    const { messages, problem, isSilent } = await pull(link.connection(), name, reading);
    reading.silences = isSilent ? reading.silences + 1 : 0;
    if (isSilent && reading.silences < SILENCES) return [];
    const first = messages[0];
    if (first !== undefined && reading.isNew && first.seq > reading.next)
      await passOverGap(partition, reading, first.seq);
    const rows = toRows(partition, reading, messages);
    if (rows.length > 0) {
      reading.isNew = false;
      reading.emptySinceMs = nowMs();
    } else if (problem === null && messages.length === 0 && (await standsStill(partition, reading))) {
      drop(partition);
      onProblem(
        `the server ${reading.server} does not give the blocks of the stream ${name} from ${reading.next} on; another one is asked`,
      );
      return [];
    }
    const last = rows.at(-1);
    if (last !== undefined) lastRead.set(partition, { seq: last.seq, atMs: last.atMs });
    if (problem !== null || rows.length < messages.length) drop(partition);
    if (problem !== null) onProblem(`the stream ${name} cannot be read at the moment: ${problem}`);
    return rows;
  };

  const unfoldedByPartition = async (positions: FoldPositions): Promise<ReadonlyMap<number, number>> => {
    const manager = await manage(link.connection());
    const asked = async <T>(answers: readonly Promise<T>[]): Promise<T[]> => {
      try {
        return await Promise.all(answers);
      } catch (cause) {
        throw new SpanLogUnreachable(`the streams ${settings.prefix}-* cannot be read: ${errorText(cause)}`, {
          cause,
        });
      }
    };
    const streams = await asked(
      positions.partitions.map(async (partition) => {
        const name = streamOf(settings, partition);
        return { partition, name, info: await streamInfo(manager, name) };
      }),
    );
    const keys = streams.flatMap(({ name, info }) => (info === null ? [] : [streamKey(name, info.created)]));
    const writers = await readStreamWriters(pool, keys);
    const lags = await asked(
      streams.map(async ({ partition, name, info }): Promise<[number, number][]> => {
        if (info === null) return [];
        const writer = writers.get(streamKey(name, info.created));
        const folded = writer === undefined ? 0 : foldedUpTo(positions, partition, writer);
        if (info.state.last_seq <= folded) return [];
        const time = await messageTime(manager, name, Math.max(folded + 1, info.state.first_seq));
        return time === null ? [] : [[partition, Math.max(0, nowMs() - time) / 1_000]];
      }),
    );
    return new Map(lags.flat());
  };

  return {
    readUnfolded: async (positions) => {
      for (const partition of readings.keys()) if (!positions.partitions.includes(partition)) drop(partition);
      const all = await Promise.allSettled(
        positions.partitions.map((partition) => readPartition(partition, positions)),
      );
      const rows: LogRow[] = [];
      for (const result of all) {
        if (result.status === "fulfilled") rows.push(...result.value);
        else onProblem(errorText(result.reason));
      }
      return rows;
    },
    unfoldedSeconds: async (positions) => mostBehind(await unfoldedByPartition(positions)),
    unfoldedByPartition,
    readFoldedKeys: async (positions, seconds, visit) => {
      const connection = link.connection();
      const manager = await manage(connection);
      for (const partition of positions.partitions) {
        const name = streamOf(settings, partition);
        const info = await streamInfo(manager, name);
        if (info === null) continue;
        const writer = await writerOf(name, partition, info);
        const folded = Math.min(foldedUpTo(positions, partition, writer), info.state.last_seq);
        const first = await firstYoungerThan(
          // After a restart of its server, a stream that has never had a block begins with 0, which cannot be asked for.
          { first: Math.max(1, info.state.first_seq), last: folded },
          nowMs() - seconds * 1_000,
          (seq) => messageTime(manager, name, seq),
        );
        if (first > folded) continue;
        const { name: consumer } = await addConsumer(manager, name, first);
        let silences = 0;
        for (let next = first; next <= folded;) {
          const { messages, problem, isSilent } = await pull(connection, name, {
            consumer,
            isNew: next === first,
          });
          silences = isSilent ? silences + 1 : 0;
          for (const { seq, atMs, data } of messages) {
            if (seq !== next)
              throw new SpanLogUnreachable(`the stream ${name} gave block ${seq} in place of ${next}`);
            if (seq <= folded) visit({ atMs, spanKeys: decodeMessage(data).spanKeys });
            next++;
          }
          if (problem !== null && (!isSilent || silences >= SILENCES))
            throw new SpanLogUnreachable(`the stream ${name} cannot be read at the moment: ${problem}`);
        }
        await manager.consumers.delete(name, consumer).catch(() => false);
      }
    },
  };
};
