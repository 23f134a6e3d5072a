// Brings the database to the newest schema. Several processes may start at once: they wait for one another.
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "./connect.ts";
import type { Queryable } from "./pool.ts";

const directory = fileURLToPath(new URL("../../migrations", import.meta.url));

/** The names of all migrations, in their order. */
export const migrationNames = async (): Promise<string[]> =>
  (await readdir(directory))
    .filter((file) => file.endsWith(".sql"))
    .map((file) => basename(file, ".sql"))
    .toSorted();

/** Whether the database has all of these already: then the runner need not be loaded. */
const hasAll = async (client: Queryable, names: readonly string[]): Promise<boolean> => {
  const { rows } = await client.query<{ known: boolean }>(
    "select to_regclass('schema_migrations') is not null as known",
  );
  if (rows[0]?.known !== true) return false;
  const missing = await client.query(
    "select unnest($1::text[]) except select name from schema_migrations limit 1",
    [names],
  );
  return missing.rows.length === 0;
};

/** Runs all missing migrations, or the first `count` of them, in one transaction each; returns their names. */
export const migrate = async (
  databaseUrl: string,
  log: (message: string) => void = () => {},
  count?: number,
): Promise<string[]> => {
  const dbClient = await connect({ connectionString: databaseUrl });
  try {
    if (await hasAll(dbClient, await migrationNames())) return [];
    // The runner brings a compiler for migrations in TypeScript, which would make itself a folder under node_modules.
    process.env["JITI_FS_CACHE"] ??= "false";
    const { runner } = await import("node-pg-migrate");
    const done = await runner({
      dbClient,
      dir: directory,
      direction: "up",
      ...(count === undefined ? {} : { count }),
      migrationsTable: "schema_migrations",
      advisoryLockMode: "wait",
      logger: { debug: () => {}, info: () => {}, warn: log, error: log },
    });
    return done.map((migration) => migration.name);
  } finally {
    await dbClient.end();
  }
};
