// A streaming standby of a real PostgreSQL answers questions about the past, and nothing waits for it.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { expect, test } from "vitest";
import { z } from "zod";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";
import { waitFor } from "../support/telemetry.ts";

const Audit = z.object({ entries: z.array(z.unknown()) });

const query = async (url: string, text: string) => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};

/** A base backup made by copying the data while the server notes what changes meanwhile. */
const startStandby = async (primaryUrl: string, from: string, to: string) => {
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
      primary_conninfo: `host=${hostname} port=${port} user=${username} password=${password}`,
    },
  });
};

test("history comes from the standby, changes go to the primary, and without the standby the primary answers all", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-replica-"));
  const primary = await startEmbeddedPostgres({ dataDir: join(folder, "primary") });
  const standby = await startStandby(primary.url, join(folder, "primary"), join(folder, "standby"));
  const origin = await startOrigin({ DATABASE_URL: primary.url, DATABASE_REPLICA_URL: standby.url });
  const call = async (path: string, body?: object) => {
    const response = await fetch(`${origin.url}/admin/v1${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return response.json();
  };
  const audited = async (): Promise<number> => Audit.parse(await call("/audit")).entries.length;
  try {
    await call("/features", { featureId: "feat_a" });
    await waitFor(async () => (await audited()) === 1);

    await query(standby.url, "select pg_wal_replay_pause()");
    await call("/features", { featureId: "feat_b" });
    expect(await audited()).toBe(1);
    expect(await call("/features/feat_b")).toMatchObject({ featureId: "feat_b" });
    await query(standby.url, "select pg_wal_replay_resume()");
    await waitFor(async () => (await audited()) === 2);

    await standby.stop();
    await call("/features", { featureId: "feat_c" });
    expect(await audited()).toBe(3);
    expect(origin.output()).toContain("DATABASE_REPLICA_URL");
  } finally {
    await origin.end("SIGTERM");
    await standby.stop();
    await primary.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
