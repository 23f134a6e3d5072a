// One moment of the main database and of those that partitions live in, from which they can be restored together.
//
// Each database is consistent in itself: it commits counts with their checkpoint. Between them three things hold. No partition moves
// meanwhile. The main database comes last, so that no checkpoint is beyond the log that is saved with it: telemetry that comes
// after a restore would get numbers that count as folded. And nothing is dropped from the log meanwhile, so that it has
// everything beyond each checkpoint.
import { isMovedIn, asMover } from "../../aggregate/move/finish-moves.ts";
import { assertIdentity, MAIN } from "../../db/aggregate-databases.ts";
import { makePool, withClient, type Client, type Pool } from "../../db/pool.ts";
import { withoutPartitionUpkeep } from "../../db/time-partitions.ts";
import { errorText } from "../../runtime/error-text.ts";
import { BackupError } from "./backup-format.ts";
import { withSnapshot, type Snapshot } from "./write-backup.ts";

export type NamedUrl = { readonly name: string; readonly url: string };
export type NamedSnapshot = Snapshot & { readonly name: string };

/** Origins finish moves every some seconds, and are done in a moment. */
const MOVER_WAIT_MS = 2_000;
const A_MOVE = "a partition is on its way to another database; make the backup when the move has ended";

/** Lends one connection, which nobody takes for an origin's. */
export const withBackupConnection = async <T>(
  url: string,
  work: (client: Client, pool: Pool) => Promise<T>,
): Promise<T> => {
  const pool = makePool(url, { applicationName: "backup of sluice", max: 4, onIdleError: () => {} });
  try {
    return await withClient(pool, (client) => work(client, pool));
  } finally {
    await pool.end();
  }
};

/** Connects to each, and says which one could not be. */
const withOthers = async <T>(
  [first, ...rest]: readonly NamedUrl[],
  clients: ReadonlyMap<string, Client>,
  work: (clients: ReadonlyMap<string, Client>) => Promise<T>,
): Promise<T> => {
  if (first === undefined) return work(clients);
  let isConnected = false;
  try {
    return await withBackupConnection(first.url, (client) => {
      isConnected = true;
      return withOthers(rest, new Map([...clients, [first.name, client]]), work);
    });
  } catch (cause) {
    if (isConnected) throw cause;
    throw new BackupError(`the aggregate database ${first.name} cannot be saved: ${errorText(cause)}`, {
      cause,
    });
  }
};

/** `work` runs once every database of the list stands still. */
const withSnapshotsOf = async <T>(
  [first, ...rest]: readonly (readonly [string, Client])[],
  taken: readonly NamedSnapshot[],
  work: (snapshots: readonly NamedSnapshot[]) => Promise<T>,
): Promise<T> => {
  if (first === undefined) return work(taken);
  const [name, client] = first;
  return withSnapshot(client, (snapshot) => withSnapshotsOf(rest, [...taken, { ...snapshot, name }], work));
};

/** Lends the snapshots of the others and, last, of the main database. `main` has three free connections at least. */
export const withSnapshots = async <T>(
  main: Pool,
  others: readonly NamedUrl[],
  work: (snapshots: readonly NamedSnapshot[]) => Promise<T>,
): Promise<T> => {
  if (others.length === 0) return withClient(main, (client) => withSnapshotsOf([[MAIN, client]], [], work));
  const done = await asMover(main, MOVER_WAIT_MS, () =>
    withClient(main, (mainClient) =>
      withClient(main, (keeper) =>
        withOthers(others, new Map(), async (clients) => {
          for (const [name, client] of clients) await assertIdentity(client, name, keeper);
          for (const client of [keeper, ...clients.values()])
            if (await isMovedIn(client)) throw new BackupError(A_MOVE);
          const taken = Promise.withResolvers<void>();
          const written = await withoutPartitionUpkeep(keeper, "span_log", async () => {
            const writing = withSnapshotsOf([...clients, [MAIN, mainClient]], [], (snapshots) => {
              taken.resolve();
              return work(snapshots);
            });
            writing.catch(taken.reject);
            await taken.promise;
            // Not awaited here: the log goes on to be kept while the rows are written.
            return { writing };
          });
          return { result: await written.writing };
        }),
      ),
    ),
  );
  if (done === null) throw new BackupError(A_MOVE);
  return done.result;
};
