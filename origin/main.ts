// The origin: reads its configuration, brings up the database, wires the stages to one another, serves until told
// to stop. Exit 2 means that the configuration is wrong, and starting again would not help.
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { getRequestListener } from "@hono/node-server";
import { makeAdminApp } from "./admin/app.ts";
import { parseConfig } from "./config.ts";
import { startEmbeddedPostgres } from "./db/embedded.ts";
import { migrate } from "./db/migrate.ts";
import { makePool } from "./db/pool.ts";
import { makeLogger } from "./log.ts";
import { makeMetrics } from "./metrics.ts";
import { makeFeatureChanges } from "./rollback/change-feature.ts";

const parsed = parseConfig(process.env);
if (!parsed.ok) {
  for (const { variable, problem } of parsed.error) process.stderr.write(`${variable} ${problem}\n`);
  process.exit(2);
}
const config = parsed.value;
const log = makeLogger(config.LOG_LEVEL);
const metrics = makeMetrics();

const embedded =
  config.DATABASE_URL === undefined ? await startEmbeddedPostgres({ dataDir: config.DATA_DIR }) : undefined;
const databaseUrl = config.DATABASE_URL ?? embedded?.url ?? "";
const migrated = await migrate(databaseUrl, (message) => log.warn({ message }, "migration"));
if (migrated.length > 0) log.info({ migrated }, "database migrated");

const onIdleError = (error: Error) => log.warn({ err: error }, "a database connection broke while idle");
const pool = makePool(databaseUrl, { applicationName: "sluice-origin", onIdleError });

const changes = makeFeatureChanges({ pool, newId: randomUUID });

const adminToken = config.ADMIN_TOKEN ?? randomBytes(24).toString("base64url");
if (config.ADMIN_TOKEN === undefined)
  process.stdout.write(`ADMIN_TOKEN is not set; this run's is ${adminToken}\n`);

const adminApp = makeAdminApp({
  pool,
  changes,
  adminToken,
  metrics,
  log,
  unready: async () => {
    const database = await pool.query("select 1").then(
      () => undefined,
      (error: unknown) => `database: ${error instanceof Error ? error.message : String(error)}`,
    );
    return database === undefined ? [] : [database];
  },
});

const admin = getRequestListener(adminApp.fetch);
const server = createServer((request, response) => {
  void admin(request, response);
});
server.listen(config.ORIGIN_PORT, config.ORIGIN_HOST);
await once(server, "listening");
log.info({ port: config.ORIGIN_PORT, roles: config.ROLES }, "origin is ready");

let stopping = false;
const stop = async (signal: string): Promise<void> => {
  if (stopping) return;
  stopping = true;
  log.info({ signal }, "stopping");
  server.close();
  server.closeIdleConnections();
  await pool.end();
  await embedded?.stop();
  process.exit(0);
};
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop(signal));
