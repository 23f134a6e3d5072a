// A streaming standby of a real PostgreSQL answers questions about the past, and nothing waits for it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { expect, test } from "vitest";
import { z } from "zod";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";
import { startStandby } from "../support/standby.ts";
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
