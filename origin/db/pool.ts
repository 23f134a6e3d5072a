// Connections to PostgreSQL. bigint comes back as number: revisions and sequence numbers stay below 2^53.
import { Pool as PgPool, types, type PoolClient } from "pg";

types.setTypeParser(types.builtins.INT8, Number);

export type Pool = PgPool;
export type Client = PoolClient;
/** What a query needs: a pool for one statement, a client inside a transaction. */
export type Queryable = Pick<PgPool | PoolClient, "query">;

/** `onIdleError` hears of connections that break while unused; the pool replaces them by itself. */
export const makePool = (
  connectionString: string,
  options: { max?: number; applicationName: string; onIdleError: (error: Error) => void },
): Pool => {
  const pool = new PgPool({
    connectionString,
    max: options.max ?? 10,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5_000,
  });
  pool.on("error", options.onIdleError);
  return pool;
};

/** Runs `work` in one transaction; whatever it throws rolls back and is thrown on. */
export const inTransaction = async <T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch((cause: unknown) => {
      broken = new Error("rollback failed, the connection is dropped", { cause });
    });
    throw error;
  } finally {
    client.release(broken);
  }
};
