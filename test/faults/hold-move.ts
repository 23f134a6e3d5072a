// Holds a move of a partition up at one of its steps by a lock on a table that the step writes, so that it is known where the command is
// when it dies.
import { Client } from "pg";
import type { DatabaseServer } from "./database-servers.ts";
import { waitUntil } from "./wait-until.ts";

/** Where the command is: it copies into the target, it leaves the source, or it tells the main database. */
export const STEPS = ["copies", "leaves", "tells"] as const;
export type HeldStep = (typeof STEPS)[number];

const REACHED_MS = 60_000;

type Ends = Readonly<Record<"main" | "source" | "target", DatabaseServer>>;

const lockOf = (step: HeldStep, { main, source, target }: Ends): readonly [DatabaseServer, string] => {
  switch (step) {
    case "copies":
      return [target, "fold_checkpoints"];
    case "leaves":
      return [source, "moved_partitions"];
    case "tells":
      return [main, "partition_places"];
  }
};

/** Begins `work`, and calls `kill` when it waits at the step. Whether it got there; `work` has ended then, or ends by itself. */
export const killAtStep = async (
  step: HeldStep,
  ends: Ends,
  { hasEnded, kill }: { readonly hasEnded: () => boolean; readonly kill: () => void },
): Promise<boolean> => {
  const [server, table] = lockOf(step, ends);
  const client = new Client({ connectionString: server.url() });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query("begin");
    await client.query(`lock table ${table} in share mode`);
    const found = await waitUntil(
      `a move ${step}`,
      async () => {
        if (hasEnded()) return "ended";
        const rows = await server.ask<{ pid: number }>(
          `select pid from pg_stat_activity
           where application_name in ('sluice-move', 'sluice-partitions') and wait_event_type = 'Lock'`,
        );
        return rows.length > 0 ? "waits" : undefined;
      },
      REACHED_MS,
    );
    if (found === "waits") kill();
    return found === "waits";
  } finally {
    await client.end();
  }
};
