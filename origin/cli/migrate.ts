// `sluice migrate`: brings the database to the newest schema, with a login that may. Origins then need a login with fewer rights.
import { defineCommand } from "citty";
import { migrate } from "../db/migrate.ts";
import { changeServiceRights } from "../db/service-rights.ts";
import { withDatabase } from "./backup/backup-database.ts";
import { UsageError } from "./errors.ts";
import { readOwnConfig } from "./own-config.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

const RIGHTS_TEXT = {
  contract:
    "the service's role may do what this version needs, and no more. Before an older origin starts: sluice migrate --expand",
  expand: "the service's role may do what an older version needs, too",
} as const;

export const migrateCommand = defineCommand({
  meta: { name: "migrate", description: "Bring the database of DATABASE_URL to the newest schema" },
  args: {
    contract: {
      type: "boolean",
      default: false,
      description: "afterwards take from the service's role the rights that only older versions use",
    },
    expand: {
      type: "boolean",
      default: false,
      description: "give them back, before an older version takes over",
    },
    json: jsonArgument,
  },
  run: async ({ args }) => {
    if (args.contract && args.expand) throw new UsageError("--contract and --expand are opposites: give one");
    const {
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
      AGGREGATE_DATABASE_URLS: others,
    } = readOwnConfig(process.env);
    const rights = args.contract ? "contract" : args.expand ? "expand" : null;
    if (databaseUrl === undefined && rights === null)
      throw new UsageError("DATABASE_URL must be set; an embedded database is migrated by its origin");
    const migrated = await withDatabase({ databaseUrl, dataDir }, { toRead: true }, async (url) => {
      const done = await migrate(url, say);
      if (rights !== null)
        for (const each of [url, ...others.map((other) => other.url)])
          await changeServiceRights(each, rights);
      return done;
    });
    if (args.json) return printJson({ migrated, ...(rights === null ? {} : { rights }) });
    for (const name of migrated) printLine(name);
    say(migrated.length === 0 ? "the database is up to date" : `migrations done: ${migrated.length}`);
    return rights === null ? undefined : say(RIGHTS_TEXT[rights]);
  },
});
