// Brings the database to the newest schema. Several processes may start at once: they wait for one another.
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "./connect.ts";
import { INSUFFICIENT_PRIVILEGE, sqlState } from "./errors.ts";
import type { Queryable } from "./pool.ts";
import { refuseOldServer } from "./server-version.ts";

const CONNECT_TIMEOUT_MS = 5_000;

const directory = fileURLToPath(new URL("../../migrations", import.meta.url));

/** The names of all migrations, in their order. */
export const migrationNames = async (): Promise<string[]> =>
  (await readdir(directory))
    .filter((file) => file.endsWith(".sql"))
    .map((file) => basename(file, ".sql"))
    .toSorted();

/** Those that the database lacks. A login that may only read what was migrated can tell, too. */
const missingOf = async (client: Queryable, names: readonly string[]): Promise<readonly string[]> => {
  const { rows } = await client.query<{ known: boolean }>(
    "select to_regclass('schema_migrations') is not null as known",
  );
  if (rows[0]?.known !== true) return names;
  const missing = await client.query<{ name: string }>(
    "select unnest($1::text[]) as name except select name from schema_migrations order by 1",
    [names],
  );
  return missing.rows.map(({ name }) => name);
};

export class MigrationRightsError extends Error {
  override readonly name = "MigrationRightsError";
}

const orSayWhoMay = (error: unknown, missing: readonly string[]): never => {
  // The runner wraps the first error in text.
  const isRefused =
    sqlState(error) === INSUFFICIENT_PRIVILEGE ||
    (error instanceof Error && /permission denied|must be (owner|member)/.test(error.message));
  if (!isRefused) throw error;
  throw new MigrationRightsError(
    `the database lacks ${missing.join(", ")}, and this login may not migrate it: run \`npx sluice migrate\` with the login of its owner`,
    { cause: error },
  );
};

/**
 * Runs all missing migrations, or the first `count` of them, in one transaction each; returns their names. Throws before
 * anything is written where the server is too old.
 */
export const migrate = async (
  databaseUrl: string,
  log: (message: string) => void = () => {},
  count?: number,
): Promise<string[]> => {
  const dbClient = await connect({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  try {
    await refuseOldServer(dbClient);
    const missing = await missingOf(dbClient, await migrationNames());
    // Then the runner need not be loaded.
    if (missing.length === 0) return [];
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
    }).catch((error: unknown) => orSayWhoMay(error, missing));
    return done.map((migration) => migration.name);
  } finally {
    await dbClient.end();
  }
};
