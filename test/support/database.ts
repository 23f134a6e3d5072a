// A database of its own for a test file, cloned from the migrated template in tens of milliseconds.
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { inject } from "vitest";
import { makePool, type Pool } from "../../origin/db/pool.ts";
import { asServiceRole } from "../../origin/db/service-role.ts";

export type TestDatabase = {
  url: string;
  /** Connected as the owner of the tables: for what a test puts there or reads. */
  pool: Pool;
  /** Connected as the service is: what the product does goes this way, lest a right is missing that the owner has. */
  servicePool: Pool;
  drop: () => Promise<void>;
};

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
  const connect = (databaseUrl: string): Pool =>
    makePool(databaseUrl, {
      applicationName: "sluice-test",
      onIdleError: (error) => process.stderr.write(`idle connection: ${error.message}\n`),
    });
  const pool = connect(url.href);
  const servicePool = connect(asServiceRole(url.href));
  return {
    url: url.href,
    pool,
    servicePool,
    drop: async () => {
      await pool.end();
      await servicePool.end();
      await run(`drop database ${name} with (force)`);
    },
  };
};
