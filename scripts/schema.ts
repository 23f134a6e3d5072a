// `npm run schema`: writes schema.sql from the migrations, which a PostgreSQL of its own applies first.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../origin/db/embedded-postgres.ts";
import { migrate } from "../origin/db/migrate.ts";
import { dumpSchema } from "./schema/dump-schema.ts";

const dataDir = await mkdtemp(join(tmpdir(), "sluice-schema-"));
const server = await startEmbeddedPostgres({ dataDir, settings: { fsync: "off" } });
try {
  await migrate(server.url, (message) => console.error(message));
  const client = new Client({ connectionString: server.url });
  await client.connect();
  await writeFile(new URL("../schema.sql", import.meta.url), await dumpSchema(client));
  await client.end();
  console.log("schema.sql is written");
} finally {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}
