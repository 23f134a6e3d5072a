// `sluice secrets`: stores the secrets of hooks and notification targets again, as ENCRYPTION_KEYS says, or in plain text before an
// older version takes over. It speaks with the database, since origins do the first by themselves and never the second.
import { defineCommand } from "citty";
import { makePool } from "../db/pool.ts";
import { makeHookSecrets } from "../hooks/hook-secrets.ts";
import { makeTargetSecrets } from "../notifications/target-secrets.ts";
import { makeStoredSecrets } from "../runtime/stored-secrets.ts";
import { withDatabase } from "./backup/backup-database.ts";
import { UsageError } from "./errors.ts";
import { readOwnConfig } from "./own-config.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

export const secretsCommand = defineCommand({
  meta: {
    name: "secrets",
    description: "Encrypt the secrets that the database keeps with the first key of ENCRYPTION_KEYS",
  },
  args: {
    plain: {
      type: "boolean",
      default: false,
      description: "store them in plain text, for a version that knows no encryption",
    },
    json: jsonArgument,
  },
  run: async ({ args }) => {
    const {
      ENCRYPTION_KEYS: keys,
      DATABASE_URL: databaseUrl,
      DATA_DIR: dataDir,
    } = readOwnConfig(process.env);
    if (keys === undefined)
      throw new UsageError(
        "ENCRYPTION_KEYS must be set: the keys with which the secrets are or shall be encrypted",
      );
    const secrets = makeStoredSecrets(keys, { storesPlain: args.plain });
    const done = await withDatabase({ databaseUrl, dataDir }, { toRead: true }, async (url) => {
      const pool = makePool(url, { applicationName: "sluice-secrets", max: 1, onIdleError: () => {} });
      try {
        const holders = [makeTargetSecrets(pool, secrets), makeHookSecrets(pool, secrets)];
        let rewritten = 0;
        for (const holder of holders) rewritten += await holder.rewrite();
        const facts = [];
        for (const holder of holders) facts.push(...(await holder.facts()));
        return { rewritten, facts };
      } finally {
        await pool.end();
      }
    });
    const isUnread = done.facts.some(({ problem }) => problem !== null);
    if (isUnread) process.exitCode = 1;
    if (args.json) return printJson({ rewritten: done.rewritten, secrets: done.facts });
    for (const { row, kid, problem } of done.facts)
      printLine(`${row}: ${problem ?? (kid === null ? "in plain text" : `encrypted with ${kid}`)}`);
    return say(`stored again: ${done.rewritten}`);
  },
});
