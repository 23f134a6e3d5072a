// A streaming standby of the embedded PostgreSQL.
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";

/** A base backup made by copying the data while the server notes what changes meanwhile. */
export const startStandby = async (
  primaryUrl: string,
  from: string,
  to: string,
  settings: Readonly<Record<string, string>> = {},
) => {
  const client = new Client({ connectionString: primaryUrl });
  await client.connect();
  await client.query("select pg_backup_start('standby', true)");
  await promisify(execFile)("cp", ["-a", from, to]); // with its owner, which fs.cp does not keep
  const { rows } = await client.query<{ labelfile: string }>("select labelfile from pg_backup_stop()");
  await client.end();
  const data = join(to, "postgres", "data");
  await rm(join(data, "postmaster.pid"));
  await writeFile(join(data, "backup_label"), rows[0]?.labelfile ?? "");
  await writeFile(join(data, "standby.signal"), "");
  const { hostname, port, username, password } = new URL(primaryUrl);
  return startEmbeddedPostgres({
    dataDir: to,
    settings: {
      ...settings,
      primary_conninfo: `host=${hostname} port=${port} user=${username} password=${password}`,
    },
  });
};
