// Brings the database to the newest schema. Several processes may start at once: they wait for one another.
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "./connect.ts";
import { INSUFFICIENT_PRIVILEGE, sqlState } from "./errors.ts";
import type { Queryable } from "./pool.ts";
import { refuseOldServer } from "./server-version.ts";
import { SERVICE_ROLE } from "./service-role.ts";

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

/** A first migration lacks them all. */
const namesText = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(", ") : `${names.length} migrations, ${names[0]} to ${names.at(-1)}`;

const orSayWhoMay = (error: unknown, missing: readonly string[]): never => {
  // The runner wraps the first error in text, with the migration and a stack around the server's words.
  const words = /(permission denied|must be (owner|member)).*/.exec(
    error instanceof Error ? error.message : "",
  );
  if (sqlState(error) !== INSUFFICIENT_PRIVILEGE && words === null) throw error;
  throw new MigrationRightsError(
    `the database lacks ${namesText(missing)}, and this login may not migrate it: run \`npx sluice migrate\` with the login of its owner`,
    { cause: words === null ? error : new Error(words[0]) },
  );
};

/** A login that may not even tell what is missing is neither the owner's nor one of an origin. */
const orSayWhatIsLacking = async (error: unknown, client: Queryable): Promise<never> => {
  if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
  const { rows } = await client.query<{ login: string }>("select quote_ident(current_user) as login");
  throw new MigrationRightsError(
    `this login may not read the tables of Sluice: \`grant ${SERVICE_ROLE} to ${rows[0]?.login}\` as their owner`,
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
    const missing = await missingOf(dbClient, await migrationNames()).catch((error: unknown) =>
      orSayWhatIsLacking(error, dbClient),
    );
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
      // An error is thrown as well.
      logger: { debug: () => {}, info: () => {}, warn: log, error: () => {} },
    }).catch((error: unknown) => orSayWhoMay(error, missing));
    return done.map((migration) => migration.name);
  } finally {
    await dbClient.end();
  }
};
