// Brings the database to the newest schema. Several processes may start at once: they wait for one another.
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "./connect.ts";

const directory = fileURLToPath(new URL("../../migrations", import.meta.url));

/** The names of all migrations, in their order. */
export const migrationNames = async (): Promise<string[]> =>
  (await readdir(directory))
    .filter((file) => file.endsWith(".sql"))
    .map((file) => basename(file, ".sql"))
    .toSorted();

/** Runs all missing migrations, or the first `count` of them, in one transaction each; returns their names. */
export const migrate = async (
  databaseUrl: string,
  log: (message: string) => void = () => {},
  count?: number,
): Promise<string[]> => {
  // The runner brings a compiler for migrations in TypeScript, which would make itself a folder under node_modules.
  process.env["JITI_FS_CACHE"] ??= "false";
  const { runner } = await import("node-pg-migrate");
  const dbClient = await connect({ connectionString: databaseUrl });
  try {
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
