// A connection of its own to an aggregate database, for work that takes longer than a query of an evaluation may, such as a copy of
// units. How long a statement takes says nothing there of whether the database still works. So other connections ask it every second,
// and when it has answered none of them for a while, the work's connection is dropped and the work ends.
import { setTimeout as sleep } from "node:timers/promises";
import { MAIN, type AggregateDatabase } from "./aggregate-databases.ts";
import { makePool, type Client, type Pool, type Queryable } from "./pool.ts";

const ASK_EVERY_MS = 1_000;
/** A database that answers nothing for so long is silent: stopped, or cut off by a network that drops what is sent. */
const SILENT_AFTER_MS = 10_000;
/** The server ends a session when the network has lost its client for so long: until then its locks keep others away. */
const LOST_CLIENT_MS = 24_000;

/** A database that cannot be used, or has stopped to answer. */
export class DatabaseLost extends Error {
  override readonly name = "DatabaseLost";
  readonly database: string;
  constructor(database: string, what: string, cause?: unknown) {
    super(`${database === MAIN ? "the main database" : `the aggregate database ${database}`} ${what}`, {
      cause,
    });
    this.database = database;
  }
}

/** `error`, or that it has come because the database `name` is lost. `db` has to be one that answers in time or fails. */
export const orLost = async (error: unknown, name: string, db: Queryable): Promise<unknown> => {
  if (error instanceof DatabaseLost) return error;
  // Outside a transaction it does nothing.
  return db.query("rollback").then(
    () => error,
    () => new DatabaseLost(name, "does not answer any more", error),
  );
};

/** Resolves when it has been silent for so long (true), or when `stop` fires. */
const becomesSilent = async (asks: Pool, silentAfterMs: number, stop: AbortSignal): Promise<boolean> => {
  let answeredAt = performance.now();
  while (!stop.aborted) {
    await asks.query("select").then(
      () => (answeredAt = performance.now()),
      () => {},
    );
    if (performance.now() - answeredAt >= silentAfterMs) return true;
    await sleep(Math.min(ASK_EVERY_MS, silentAfterMs / 4), undefined, { signal: stop }).catch(() => {});
  }
  return false;
};

/** Throws DatabaseLost when the database cannot be reached, ends the connection or says nothing for so long. */
export const withOwnConnection = async <T>(
  database: AggregateDatabase,
  work: (client: Client) => Promise<T>,
  { silentAfterMs = SILENT_AFTER_MS }: { readonly silentAfterMs?: number } = {},
): Promise<T> => {
  const { name } = database;
  const settings = { applicationName: "sluice-move", max: 1, onIdleError: () => {} };
  const timeoutMs = Math.min(5_000, silentAfterMs / 2);
  const pool = makePool(database.url(), {
    ...settings,
    connectTimeoutMs: timeoutMs,
    lostClientMs: LOST_CLIENT_MS,
  });
  const asks = makePool(database.url(), {
    ...settings,
    connectTimeoutMs: timeoutMs,
    queryTimeoutMs: timeoutMs,
  });
  const stop = new AbortController();
  try {
    const client = await pool.connect().catch((cause: unknown) => {
      throw new DatabaseLost(name, "cannot be reached", cause);
    });
    // Its next query rejects, which is enough.
    client.on("error", () => {});
    let silence: DatabaseLost | undefined;
    const watch = async (): Promise<void> => {
      if (!(await becomesSilent(asks, silentAfterMs, stop.signal))) return;
      silence = new DatabaseLost(name, `has not answered for ${silentAfterMs / 1_000} s`);
      // The driver drops a connection with a query under way. Otherwise it would wait for the server's goodbye.
      client.query("select").catch(() => {});
      client.release(silence);
    };
    const watching = watch();
    try {
      return await work(client);
    } catch (error) {
      const known = await orLost(error, name, client);
      throw silence ?? known;
    } finally {
      stop.abort();
      await watching;
      if (silence === undefined) client.release(true);
    }
  } finally {
    await Promise.all([pool.end(), asks.end()]);
  }
};
