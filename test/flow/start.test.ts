// What a person sees who starts Sluice with a wrong environment.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { listenOnLoopback } from "../support/listen.ts";

const run = async (script: string, env: Record<string, string>): Promise<{ code: number; words: string }> => {
  const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  const child = spawn(process.execPath, [path], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  child.stdout.on("data", (chunk: Buffer) => (words += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
  const [code] = await once(child, "exit");
  return { code: Number(code), words };
};

test.each([
  ["scripts/start.ts", "EDGE_PORT", "70000", "whole number from 1 to 65535"],
  ["scripts/start.ts", "EDGE_PORT", "10080", "browsers and fetch connect to"],
  ["scripts/start.ts", "SHOP_PORT", "6000", "browsers and fetch connect to"],
  ["origin/main.ts", "ORIGIN_PORT", "10080", "browsers and fetch connect to"],
  ["scripts/start.ts", "MAX_STALE_MS", "soon", "whole number"],
  ["scripts/start.ts", "WATCH_MS", "30", "whole number from 50 to 20000"],
  ["scripts/start.ts", "UNIT_FROM", "bogus", "header:NAME or claim:NAME"],
  ["scripts/start.ts", "COOKIE_KEYS", "hunter2hunter2", "kid:secret"],
  ["scripts/start.ts", "REDIS_URL", "http://127.0.0.1", "redis:// or rediss://"],
  ["scripts/demo.ts", "EVALUATE_EVERY_MS", "1", "whole number from 50"],
  ["origin/main.ts", "DATABASE_URL", "hunter2hunter2", "postgres://"],
])(
  "%s refuses %s=%s by name, says what is allowed and starts nothing",
  async (script, name, value, allowed) => {
    const { code, words } = await run(script, { [name]: value });
    expect(code).toBe(2);
    expect(words).toContain(name);
    expect(words).toContain(allowed);
    expect(words).not.toContain("hunter2");
  },
);

const takenPort = async (): Promise<string> => {
  const server = createServer();
  const { port } = await listenOnLoopback(server);
  onTestFinished(() => void server.close());
  return String(port);
};

test.each(["EDGE_PORT", "ORIGIN_PORT", "SHOP_PORT"])(
  "a taken port is named by its variable, and nothing is started: %s",
  async (name) => {
    const [edge, origin, shop, taken] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await takenPort(),
    ];
    const free = { EDGE_PORT: String(edge), ORIGIN_PORT: String(origin), SHOP_PORT: String(shop) };
    const { code, words } = await run("scripts/start.ts", { ...free, [name]: taken });
    expect(code).toBe(1);
    expect(words).toContain(`${name}: port ${taken} is in use`);
    expect(words.match(/_PORT/g)).toHaveLength(2);
  },
);

test("an origin whose port is taken says so before it asks the database, and ends as one that starting again helps", async () => {
  const taken = await takenPort();
  const env = { ORIGIN_PORT: taken, DATABASE_URL: "postgres://sluice@127.0.0.1:1/sluice" };
  const [origin, migration] = await Promise.all([
    run("origin/main.ts", env),
    run("origin/main.ts", { ...env, MIGRATE: "only" }),
  ]);
  expect(origin.words).toBe(
    `ORIGIN_PORT: port ${taken} is in use. Stop the program that listens there, or set ORIGIN_PORT to a free port.\n`,
  );
  expect(origin.code).toBe(1);
  // It listens on nothing.
  expect(migration.words).not.toContain("ORIGIN_PORT");
});

test("two variables with one port are both named", async () => {
  const port = String(await freePort());
  const { code, words } = await run("scripts/start.ts", {
    EDGE_PORT: port,
    ORIGIN_PORT: port,
    SHOP_PORT: String(await freePort()),
  });
  expect(code).toBe(1);
  expect(words).toContain(`ORIGIN_PORT: port ${port} is already that of EDGE_PORT`);
});
