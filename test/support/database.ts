// A database of its own for a test file, cloned from the migrated template in tens of milliseconds.
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { inject } from "vitest";
import { makePool, type Pool } from "../../origin/db/pool.ts";

export type TestDatabase = { url: string; pool: Pool; drop: () => Promise<void> };

export const makeTestDatabase = async (): Promise<TestDatabase> => {
  const adminUrl = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const run = async (statement: string) => {
    const client = new Client({ connectionString: adminUrl });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await run(`create database ${name} template template_sluice`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const pool = makePool(url.href, {
    applicationName: "sluice-test",
    onIdleError: (error) => process.stderr.write(`idle connection: ${error.message}\n`),
  });
  return {
    url: url.href,
    pool,
    drop: async () => {
      await pool.end();
      await run(`drop database ${name} with (force)`);
    },
  };
};
