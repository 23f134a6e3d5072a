// Connections to PostgreSQL.
import { Pool as PgPool, types, type PoolClient } from "pg";
import { LOCK_NOT_AVAILABLE, sqlState } from "./errors.ts";
import { applySettings, splitSettings, type Settings } from "./session-settings.ts";

export type Pool = PgPool;
export type Client = PoolClient;
/** Runs a query: a pool for one statement, a client inside a transaction. */
export type Queryable = Pick<PgPool | PoolClient, "query">;

export type PoolOptions = {
  readonly max?: number;
  readonly applicationName: string;
  readonly queryTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  /** The server ends a session that says nothing for so long, also within a transaction. */
  readonly silentMs?: number;
  /** The server ends a session when its client has been gone from the network for so long, whatever locks it has. */
  readonly lostClientMs?: number;
  readonly connectTimeoutMs?: number;
  /** Connections of no use at the moment keep no program from ending. */
  readonly allowExitOnIdle?: boolean;
  readonly onIdleError: (error: Error) => void;
};

/** For the `types` of a connection: bigint comes back as number. Revisions and sequence numbers stay below 2^53. */
const bigintsAsNumbers: Pick<typeof types, "getTypeParser"> = {
  getTypeParser: (oid, format) =>
    oid === types.builtins.INT8 && format !== "binary" ? Number : types.getTypeParser(oid, format),
};

/** Half of the time passes until the first question. */
const keepAliveSettings = (lostClientMs: number): Settings => ({
  tcp_keepalives_idle: String(Math.ceil(lostClientMs / 2_000)),
  tcp_keepalives_interval: String(Math.ceil(lostClientMs / 6_000)),
  tcp_keepalives_count: "3",
  tcp_user_timeout: String(lostClientMs),
});

/**
 * A query that has no answer after `queryTimeoutMs` fails and its connection is dropped: one that went silent would
 * otherwise hold its caller until TCP gives up, after a quarter of an hour or more.
 * `onIdleError` hears of connections that break while unused; the pool replaces them by itself.
 */
export const makePool = (connectionString: string, options: PoolOptions): Pool => {
  const { queryTimeoutMs, lockTimeoutMs, silentMs, lostClientMs } = options;
  const { url, settings } = splitSettings(connectionString);
  const all = {
    ...settings,
    ...(queryTimeoutMs === undefined ? {} : { statement_timeout: String(queryTimeoutMs) }),
    ...(lockTimeoutMs === undefined ? {} : { lock_timeout: String(lockTimeoutMs) }),
    ...(silentMs === undefined
      ? {}
      : { idle_session_timeout: String(silentMs), idle_in_transaction_session_timeout: String(silentMs) }),
    ...(lostClientMs === undefined ? {} : keepAliveSettings(lostClientMs)),
  };
  const pool = new PgPool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    allowExitOnIdle: options.allowExitOnIdle ?? false,
    types: bigintsAsNumbers,
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for the promise, which its type does not say
    onConnect: (client) => applySettings(client, all),
  });
  pool.on("error", options.onIdleError);
  return pool;
};

/**
 * Lends a connection to `work`, which may ask to `drop` it. A connection that breaks meanwhile is dropped too: its query
 * rejects, and besides pg ends the process when nothing listens for the error.
 */
export const withClient = async <T>(
  pool: Pool,
  work: (client: Client, drop: (cause: unknown) => void) => Promise<T>,
): Promise<T> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  const drop = (cause: unknown): void => {
    broken = new Error("the connection is dropped", { cause });
  };
  client.on("error", drop);
  try {
    return await work(client, drop);
  } finally {
    client.off("error", drop);
    client.release(broken);
  }
};

/** Runs `work` in one transaction. An error rolls it back and is thrown on. */
export const inTransaction = <T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> =>
  withClient(pool, (client, drop) => inClientTransaction(client, () => work(client), drop));

/** The same on a connection that the caller has. `onBroken` hears of a rollback that failed: the connection is gone. */
export const inClientTransaction = async <T>(
  client: Client,
  work: () => Promise<T>,
  onBroken: (cause: unknown) => void = () => {},
): Promise<T> => {
  try {
    await client.query("begin");
    const result = await work();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(onBroken);
    throw error;
  }
};

/**
 * Runs `work` in a transaction that waits for locks at most `ms`; false when it gave up, and then nothing is done. For work
 * that can be done later, on a connection whose other work must go on.
 */
export const tryForLocks = async (
  client: Client,
  ms: number,
  work: () => Promise<unknown>,
): Promise<boolean> => {
  try {
    await inClientTransaction(client, async () => {
      await client.query(`set local lock_timeout = ${ms}`);
      await work();
    });
    return true;
  } catch (error) {
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
    return false;
  }
};
