// Kills a fold process between its read of the log and its commit. The commit waits for a lock that the test holds on the table of the
// checkpoints, so that it is known where the process is when it dies.
import { Client } from "pg";
import { FOLD_APPLICATION } from "../../origin/aggregate/partition-ownership.ts";
import type { CuttableProxy } from "../support/cuttable-proxy.ts";
import type { DatabaseServer } from "./database-servers.ts";
import { waitUntil } from "./wait-until.ts";

const WAITS_MS = 30_000;

export type FoldProcess = {
  readonly kill: () => Promise<void>;
  /** its ways, by database */
  readonly ways: ReadonlyMap<string, CuttableProxy>;
};

/**
 * `database`: one that partitions live in, while there is load. Whether it was done: the last partition may leave the database
 * meanwhile (`isHome`).
 */
export const killBetweenReadAndCommit = async (
  database: DatabaseServer,
  folds: readonly FoldProcess[],
  isHome: () => Promise<boolean>,
): Promise<boolean> => {
  const client = new Client({ connectionString: database.url() });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query("begin");
    await client.query("lock table fold_checkpoints in share mode");
    const victim = await waitUntil(
      `a fold waits to commit in ${database.name}`,
      async () => {
        // Not in the transaction: it would see the activity of its first look for ever.
        const rows = await database.ask<{ port: number }>(
          `select client_port as port from pg_stat_activity
           where application_name = $1 and wait_event_type = 'Lock' and query like '%insert into fold_checkpoints%'`,
          [FOLD_APPLICATION],
        );
        const found = folds.find(({ ways }) =>
          ways
            .get(database.name)
            ?.ports()
            .some((port) => rows.some((row) => row.port === port)),
        );
        return found ?? ((await isHome()) ? undefined : "left");
      },
      WAITS_MS,
    );
    if (victim !== "left") await victim.kill();
    await client.query("rollback");
    return victim !== "left";
  } finally {
    await client.end();
  }
};
