// Which fold processes there are. Each holds an advisory lock with a number of its own in the main database, on a connection that does
// nothing else: the list stays the same when a fold starts over, or a database of some partitions is away.
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "../db/pool.ts";
import { withClient, type Client } from "../db/pool.ts";
import { OWNERSHIP_MS } from "./fair-share.ts";
import { lockOfPartition } from "./partition-ownership.ts";

const LOCK_CLASS = "hashtext('sluice fold process')";
const AGAIN_MS = 500;

export type FoldMembers = {
  /** Their numbers, this process's among them once it is known; empty while nobody could be asked. */
  readonly numbers: () => readonly number[];
  readonly stop: () => Promise<void>;
};

const readMembers = async (client: Client, own: number): Promise<readonly number[]> => {
  // Again each time: a session that broke may still hold it in the server, and stands for this process until it ends.
  await client.query(
    `select pg_try_advisory_lock(${LOCK_CLASS}, $1)
     where not exists (select from pg_locks l where ${lockOfPartition("l", LOCK_CLASS)} and l.objid = $1::integer::oid)`,
    [own],
  );
  const { rows } = await client.query<{ member: number }>(
    `select l.objid::bigint as member from pg_locks l where ${lockOfPartition("l", LOCK_CLASS)} order by 1`,
  );
  return rows.map(({ member }) => member);
};

/** `pool`: one connection of the main database, which ends with it. `own`: another number in each process, below 2^31. */
export const joinFolds = (pool: Pool, own: number, everyMs = OWNERSHIP_MS): FoldMembers => {
  const stop = new AbortController();
  let members: readonly number[] = [];
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stop.signal }).catch(() => {});

  const follow = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await withClient(pool, async (client, drop) => {
        try {
          while (!stop.signal.aborted) {
            members = await readMembers(client, own);
            await pause(everyMs / 2);
          }
        } finally {
          // Destroyed, not returned: its lock ends here.
          drop("it belongs to this list alone");
        }
      }).catch(() => {});
      if (!stop.signal.aborted) await pause(AGAIN_MS);
    }
  };
  const following = follow();
  return {
    numbers: () => members,
    stop: async () => {
      stop.abort();
      await following;
      await pool.end();
    },
  };
};
