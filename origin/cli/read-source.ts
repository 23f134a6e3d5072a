// Where a command reads from: the database of DATABASE_URL itself, or else the origin, because only the origin knows the
// embedded database.
import { makePool, type Queryable } from "../db/pool.ts";

export const readFrom = async <T>(source: {
  /** Shown by PostgreSQL in the list of its connections. */
  applicationName: string;
  database: (db: Queryable) => Promise<T>;
  origin: () => Promise<T>;
}): Promise<T> => {
  const databaseUrl = process.env["DATABASE_URL"];
  if (databaseUrl === undefined || databaseUrl === "") return source.origin();
  const pool = makePool(databaseUrl, {
    max: 1,
    applicationName: source.applicationName,
    // The query on the broken connection fails, and that is the error to show.
    onIdleError: () => {},
  });
  try {
    return await source.database(pool);
  } finally {
    await pool.end();
  }
};
