// Looks for acknowledged spans in the streams, as each of the servers has them: what was acknowledged and not counted was either lost by
// the servers or passed over by the fold.
import { setTimeout as sleep } from "node:timers/promises";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { hash64 } from "../../origin/span-log/hash.ts";
import { decodeMessage } from "../../origin/span-log/jetstream/message.ts";
import { manage } from "../../origin/span-log/jetstream/streams.ts";
import { SPAN_KEY_BYTES } from "../../origin/span-log/record.ts";

/** The key of a span in a block, as hexadecimal digits. */
export const spanKeyOf = ({ traceId, spanId }: { traceId: string; spanId: string }): string => {
  const ids = Buffer.from(traceId + spanId, "hex");
  const hash = { low: 0, high: 0 };
  hash64(new DataView(ids.buffer, ids.byteOffset, ids.length), 0, ids.length, 0x9747b28c, 0x1b873593, hash);
  const key = Buffer.alloc(SPAN_KEY_BYTES);
  key.writeUInt32LE(hash.low >>> 0, 0);
  key.writeUInt32LE(hash.high >>> 0, 4);
  return key.toString("hex");
};

/** A leader is asked to step down so often at most, until each server has led. */
const TURNS = 12;
const NEW_LEADER_MS = 700;
const SERVERS = 3;
/** Messages that are asked for at a time. */
const AT_ONCE = 64;
/** Lines of messages that differ, of all streams. */
const MOST_LINES = 20;

type Copy = {
  readonly server: string;
  readonly line: string;
  readonly messages: ReadonlyMap<number, string>;
};

/** The stream as its present leader has it: the keys of the spans of each message. */
const readCopy = async (manager: JetStreamManager, stream: string): Promise<Copy> => {
  const { cluster, state } = await manager.streams.info(stream);
  const server = cluster?.leader ?? "nobody";
  const messages = new Map<number, string>();
  for (let from = state.first_seq; from <= state.last_seq; from += AT_ONCE) {
    const wanted = Array.from({ length: Math.min(AT_ONCE, state.last_seq - from + 1) }, (_, at) => from + at);
    const found = await Promise.all(wanted.map((seq) => manager.streams.getMessage(stream, { seq })));
    for (const [at, message] of found.entries())
      if (message !== null) messages.set(from + at, decodeMessage(message.data).spanKeys.toString("hex"));
  }
  const line = `${stream} at ${server}: ${state.first_seq} to ${state.last_seq}, ${state.messages} messages of ${state.bytes} bytes`;
  return { server, line, messages };
};

/** Lets each server lead the stream once. */
const readCopies = async (connection: NatsConnection, stream: string): Promise<Copy[]> => {
  const manager = await manage(connection);
  const copies = new Map<string, Copy>();
  for (let turn = 0; turn < TURNS && copies.size < SERVERS; turn++) {
    const copy = await readCopy(manager, stream).catch(() => null);
    if (copy !== null) copies.set(copy.server, copy);
    await connection
      .request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, "", { timeout: 3_000 })
      .catch(() => {});
    await sleep(NEW_LEADER_MS);
  }
  return [...copies.values()];
};

/** What the servers have of the streams, where their copies differ, and how many of the spans `keys` each one lacks. */
export const findInStreams = async (
  connection: NatsConnection,
  streams: readonly string[],
  keys: ReadonlySet<string>,
): Promise<string[]> => {
  const lines: string[] = [];
  const differing: string[] = [];
  const had = new Map<string, Set<string>>();
  for (const stream of streams) {
    const copies = await readCopies(connection, stream);
    const [first] = copies;
    for (const { server, line, messages } of copies) {
      lines.push(line);
      for (const [seq, spanKeys] of messages)
        if (spanKeys !== first?.messages.get(seq))
          differing.push(`message ${seq} of ${stream} at ${server} is not that at ${first?.server}`);
      const has = had.get(server) ?? new Set<string>();
      had.set(server, has);
      for (const spanKeys of messages.values())
        for (let at = 0; at < spanKeys.length; at += 2 * SPAN_KEY_BYTES)
          has.add(spanKeys.slice(at, at + 2 * SPAN_KEY_BYTES));
    }
  }
  lines.push(...differing.slice(0, MOST_LINES));
  for (const [server, has] of had)
    lines.push(
      `${server} lacks ${[...keys].filter((key) => !has.has(key)).length} of ${keys.size} acknowledged spans`,
    );
  return lines;
};
