// Reads of what has happened: a replica that is seconds behind may answer them. What decides, changes or answers with
// a version never goes this way.
import type { Logger } from "../runtime/log.ts";
import type { Pool, Queryable } from "./pool.ts";

/** Runs a read and resolves to what it found; it may run twice. */
export type HistoryReads = <T>(read: (db: Queryable) => Promise<T>) => Promise<T>;

/** Whatever fails on the replica is read from the primary, whose error then counts. */
export const makeHistoryReads =
  (options: { primary: Pool; replica: Pool | undefined; log: Logger }): HistoryReads =>
  async (read) => {
    const { primary, replica, log } = options;
    if (replica === undefined) return read(primary);
    try {
      return await read(replica);
    } catch (error) {
      log.warn({ err: error }, "a read on DATABASE_REPLICA_URL failed, the primary answers instead");
      return read(primary);
    }
  };
