// One PostgreSQL 17 for the whole test run, with a migrated template that every test file clones (see database.ts).
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";
import { migrate } from "../../origin/db/migrate.ts";

declare module "vitest" {
  export interface ProvidedContext {
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-test-"));
  const server = await startEmbeddedPostgres({ dataDir, settings: { fsync: "off", max_connections: "300" } });
  const template = new URL(server.url);
  template.pathname = "/template_sluice";
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query("create database template_sluice");
  await client.end();
  await migrate(template.href, (message) => process.stderr.write(`${message}\n`));
  project.provide("postgresUrl", server.url);
  return async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
