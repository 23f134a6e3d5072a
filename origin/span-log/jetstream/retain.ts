// Removes from JetStream's log what is folded and so old that a restart need not know its spans any more.
import type { Pool } from "../../db/pool.ts";
import type { FoldPositions } from "../span-log.ts";
import { KEEP_SECONDS } from "../partitions.ts";
import { firstYoungerThan } from "./find-time.ts";
import type { NatsLink } from "./link.ts";
import { messageTime, streamInfo } from "./read.ts";
import { streamOf, type JetStreamSettings } from "./settings.ts";
import { manage } from "./streams.ts";
import { readStreamWriters, streamKey } from "./stream-writers.ts";

/** Each removal is a write of all replicas: small ones wait. */
const AT_LEAST = 100;

/** Resolves to the number of blocks that were removed. One beyond the positions stays, however old, and so does the last folded. */
export const removeFolded = async (
  options: {
    link: NatsLink;
    settings: JetStreamSettings;
    pool: Pool;
    nowMs: () => number;
    atLeast?: number;
  },
  { partitions, checkpoints }: FoldPositions,
): Promise<number> => {
  const { link, settings, pool, nowMs, atLeast = AT_LEAST } = options;
  const manager = await manage(link.connection());
  let removed = 0;
  for (const partition of partitions) {
    const name = streamOf(settings, partition);
    const info = await streamInfo(manager, name);
    if (info === null) continue;
    const key = streamKey(name, info.created);
    const writer = (await readStreamWriters(pool, [key])).get(key)?.writer;
    const folded = checkpoints.find((each) => each.partition === partition && each.writer === writer)?.seq;
    const { first_seq: first, last_seq: last } = info.state;
    if (folded === undefined || folded > last || folded - first < atLeast) continue;
    const seq = await firstYoungerThan({ first, last: folded - 1 }, nowMs() - KEEP_SECONDS * 1_000, (each) =>
      messageTime(manager, name, each),
    );
    if (seq - first < atLeast) continue;
    removed += (await manager.streams.purge(name, { seq })).purged;
  }
  return removed;
};
