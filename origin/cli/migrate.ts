// `sluice migrate`: brings the database to the newest schema, with a login that may. Origins then need a login with fewer rights.
import { defineCommand } from "citty";
import { parseConfig } from "../config.ts";
import { migrate } from "../db/migrate.ts";
import { variableErrorText } from "../../shared/variables.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

export const migrateCommand = defineCommand({
  meta: { name: "migrate", description: "Bring the database of DATABASE_URL to the newest schema" },
  args: { json: jsonArgument },
  run: async ({ args }) => {
    const parsed = parseConfig(process.env);
    if (!parsed.ok) throw new UsageError(parsed.error.map(variableErrorText).join("\n"));
    const { DATABASE_URL: url } = parsed.value;
    if (url === undefined)
      throw new UsageError("DATABASE_URL must be set; an embedded database is migrated by its origin");
    const migrated = await migrate(url, say);
    if (args.json) return printJson({ migrated });
    for (const name of migrated) printLine(name);
    return say(migrated.length === 0 ? "the database is up to date" : `migrations done: ${migrated.length}`);
  },
});
