// Sends the spools of all databases that partitions live in. Each has a sender of its own, so that one that is away or slow holds
// up no other one.
import type { AggregateDatabase } from "../../db/aggregate-databases.ts";
import type { Queryable } from "../../db/pool.ts";
import type { Logger } from "../../runtime/log.ts";
import type { ColumnStore } from "./clickhouse.ts";
import { startSpoolSender, type SpoolMetrics, type SpoolSender } from "./send-spool.ts";
import { makeSpoolPool } from "./spool-pool.ts";

/** `connect`: a connection of its own for each database; it ends with its sender. `main` knows which databases belong to it. */
export const startSpoolSenders = async (options: {
  databases: readonly AggregateDatabase[];
  main: Queryable;
  connect: () => Promise<ColumnStore>;
  metrics: SpoolMetrics;
  log: Pick<Logger, "warn" | "error">;
}): Promise<SpoolSender> => {
  const { databases, main, connect, metrics, log } = options;
  const senders = await Promise.all(
    databases.map(async (database) =>
      startSpoolSender({
        database: database.name,
        pool: makeSpoolPool(database, main),
        store: await connect(),
        metrics,
        nowMs: () => performance.now(),
        log,
      }),
    ),
  );
  return {
    stop: async () => {
      await Promise.all(senders.map((sender) => sender.stop()));
    },
  };
};
