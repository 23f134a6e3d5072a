// What an origin loads that has no Redis, mail server, provider and collector: all it does not need would lie in its memory,
// three times where its threads load it too.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { makeTestDatabase, type TestDatabase } from "../support/database.ts";

const main = fileURLToPath(new URL("../../origin/main.ts", import.meta.url));

let database: TestDatabase;
let folder: string;
let loaded: string[];

beforeAll(async () => {
  database = await makeTestDatabase();
  folder = await mkdtemp(join(tmpdir(), "sluice-loaded-"));
  const list = join(folder, "loaded");
  const hook = join(folder, "hook.mjs");
  await writeFile(
    hook,
    `import { appendFileSync } from "node:fs";
     import { registerHooks } from "node:module";
     registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + "\\n"); return next(url, context); } });`,
  );
  const port = await freePort();
  const origin = spawn(process.execPath, ["--import", hook, main], {
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: database.url,
      ORIGIN_PORT: String(port),
      ADMIN_TOKEN: "admin-token-of-the-tests",
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  while ((await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok !== true) {
    if (origin.exitCode !== null) throw new Error("the origin ended");
    await sleep(50);
  }
  origin.kill("SIGTERM");
  await once(origin, "exit");
  loaded = (await readFile(list, "utf8")).split("\n");
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

test.each([
  "ioredis",
  "@nats-io/transport-node",
  "@nats-io/jetstream",
  "redis-semaphore",
  "nodemailer",
  "openid-client",
  "jose",
  "node-pg-migrate",
  "jiti",
  "@modelcontextprotocol/sdk",
  "@opentelemetry/sdk-trace-base",
  "yaml",
  "@nats-io/transport-node",
  "wrangler",
])("an origin with a migrated database alone does not load %s", (name) => {
  expect(loaded.filter((url) => url.includes(`/node_modules/${name}/`))).toEqual([]);
});

test("the modules of the threads are in the list too", () => {
  for (const file of ["origin/main.ts", "fold-worker.ts", "push-worker.ts"])
    expect(loaded.some((url) => url.endsWith(file))).toBe(true);
});
