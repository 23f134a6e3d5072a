// A process that may not migrate the database waits until another one has: the Job of a cluster, whose login owns the tables.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../runtime/log.ts";
import { connect } from "./connect.ts";
import { readServerState } from "./server-state.ts";
import { refuseOldServer } from "./server-version.ts";
import { serviceUrlOf } from "./service-role.ts";

const ASK_EVERY_MS = 500;

/**
 * The migrations that the database lacks; all of them where none was ever run. Reads as the service, whose login may do no
 * more, and which may read the table from its fourth migration on.
 */
const readMissing = async (
  databaseUrl: string,
  migrations: readonly string[],
): Promise<readonly string[]> => {
  const client = await connect({ connectionString: (await serviceUrlOf(databaseUrl)) ?? databaseUrl });
  try {
    await refuseOldServer(client);
    const { rows } = await client.query<{ isReadable: boolean | null }>(
      `select has_table_privilege(to_regclass('schema_migrations'), 'select') as "isReadable"`,
    );
    if (rows[0]?.isReadable !== true) return migrations;
    return (await readServerState(client, migrations))?.missingMigrations ?? migrations;
  } finally {
    await client.end();
  }
};

/** Resolves when the database has all of `migrations`. Throws when the process shall end before, or the database is gone. */
export const waitForSchema = async (options: {
  readonly databaseUrl: string;
  readonly migrations: readonly string[];
  readonly isEnding: () => boolean;
  readonly log: Logger;
}): Promise<void> => {
  const { databaseUrl, migrations, isEnding, log } = options;
  let hasSaid = false;
  for (;;) {
    const missing = await readMissing(databaseUrl, migrations);
    if (missing.length === 0) return;
    if (isEnding()) throw new Error("it lacks migrations, and this process shall end");
    if (!hasSaid)
      log.warn(
        { missing },
        "the database lacks migrations; MIGRATE is wait, so another process has to run them",
      );
    hasSaid = true;
    await sleep(ASK_EVERY_MS);
  }
};
