// How an origin process ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { makeTestDatabase } from "../support/database.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { ADMIN_TOKEN, startOrigin } from "../support/origin.ts";

const main = fileURLToPath(new URL("../../origin/main.ts", import.meta.url));
const database = await makeTestDatabase();
afterAll(() => database.drop());

const someoneWaitsForALock = async (): Promise<void> => {
  const waiting = () =>
    database.pool.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
  while ((await waiting()).rowCount === 0) await sleep(10);
};

test("an origin that is asked to stop while it starts ends in order", async () => {
  // It waits for this lock before it migrates, so it has not started until the lock is given back.
  const client = await database.pool.connect();
  await client.query("begin");
  await client.query("lock table schema_migrations");
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: database.url,
      ORIGIN_PORT: String(await freePort()),
      ADMIN_TOKEN,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await someoneWaitsForALock();
  child.kill("SIGTERM");
  await client.query("commit");
  client.release();
  expect(await once(child, "close")).toEqual([0, null]);
  expect(output).toContain("the origin is ready");
  expect(output).toContain('"reason":"SIGTERM"');
});

test("an origin that stops answers the requests that are under way and takes no new ones", async () => {
  const origin = await startOrigin({ DATABASE_URL: database.url });
  // A change waits for this lock, so it is under way until the lock is given back.
  const client = await database.pool.connect();
  await client.query("begin");
  await client.query("select * from state_head for update");
  const made = fetch(`${origin.url}/admin/v1/features`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    body: JSON.stringify({ featureId: "feat_last" }),
  });
  await someoneWaitsForALock();
  const ended = origin.end("SIGTERM");
  const refused = async () => {
    for (;;) {
      const answer = await fetch(`${origin.url}/livez`).catch(() => null);
      if (answer === null) return;
      await sleep(20);
    }
  };
  await refused();
  await client.query("commit");
  client.release();
  expect((await made).status).toBe(201);
  expect(await ended).toBe(0);
});

test("an origin whose database says nothing any more ends all the same, and names what waited for it", async () => {
  const url = new URL(database.url);
  const proxy = await startFaultProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  const origin = await startOrigin({ DATABASE_URL: url.href });
  proxy.disturb({ kind: "blackHole" });
  // Everything that is done periodically asks the database meanwhile.
  await sleep(1_500);
  const beganMs = performance.now();
  expect(await origin.end("SIGTERM")).toBe(0);
  expect(performance.now() - beganMs).toBeLessThan(25_000);
  expect(origin.output()).toMatch(/"part":"[a-z ]+".*a part did not end in time/);
  await proxy.stop();
}, 60_000);

test("an origin that drains calls itself not ready, answers on, and ends each connection with its answer", async () => {
  const DRAIN_MS = 2_000;
  const origin = await startOrigin({ DATABASE_URL: database.url, DRAIN_MS: String(DRAIN_MS) });
  const before = await fetch(`${origin.url}/livez`);
  expect(before.headers.get("connection")).toBe("keep-alive");
  const askedAt = performance.now();
  const ended = origin.end("SIGTERM");
  const notReady = async (): Promise<Response> => {
    for (;;) {
      const answer = await fetch(`${origin.url}/readyz`);
      if (answer.status === 503) return answer;
      await sleep(10);
    }
  };
  const answer = await notReady();
  expect(await answer.json()).toMatchObject({ detail: "process: it is being stopped" });
  const made = await fetch(`${origin.url}/admin/v1/features`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    body: JSON.stringify({ featureId: "feat_while_draining" }),
  });
  expect(made.status).toBe(201);
  expect(made.headers.get("connection")).toBe("close");
  expect(await ended).toBe(0);
  expect(performance.now() - askedAt).toBeGreaterThanOrEqual(DRAIN_MS);
  await expect(fetch(`${origin.url}/livez`)).rejects.toThrow("fetch failed");
});
