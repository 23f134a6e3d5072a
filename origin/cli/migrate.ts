// `sluice migrate`: brings the database to the newest schema, with a login that may. Origins then need a login with fewer rights.
import { defineCommand } from "citty";
import { migrate } from "../db/migrate.ts";
import { UsageError } from "./errors.ts";
import { readOwnConfig } from "./own-config.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

export const migrateCommand = defineCommand({
  meta: { name: "migrate", description: "Bring the database of DATABASE_URL to the newest schema" },
  args: { json: jsonArgument },
  run: async ({ args }) => {
    const { DATABASE_URL: url } = readOwnConfig(process.env);
    if (url === undefined)
      throw new UsageError("DATABASE_URL must be set; an embedded database is migrated by its origin");
    const migrated = await migrate(url, say);
    if (args.json) return printJson({ migrated });
    for (const name of migrated) printLine(name);
    return say(migrated.length === 0 ? "the database is up to date" : `migrations done: ${migrated.length}`);
  },
});
