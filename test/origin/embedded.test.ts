import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { startEmbeddedPostgres } from "../../origin/db/embedded.ts";

const makeFolder = async (mode: number): Promise<string> => {
  const home = await mkdtemp(join(tmpdir(), "sluice-home-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  await chmod(home, mode);
  return join(home, ".data");
};

const query = async (url: string, text: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
};

test("starts below a home folder of mode 0700 and continues with its data", async () => {
  const dataDir = await makeFolder(0o700);
  const first = await startEmbeddedPostgres({ dataDir });
  await query(first.url, "create table kept as select 42 as answer");
  await first.stop();
  const second = await startEmbeddedPostgres({ dataDir });
  onTestFinished(() => second.stop());
  expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
});

test("a server that a killed process left behind is taken over and can be stopped", async () => {
  const dataDir = await makeFolder(0o755);
  const module = new URL("../../origin/db/embedded.ts", import.meta.url).href;
  const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    process.stdout.write(String(server.pid)); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [pid] = await once(holder.stdout, "data");
  holder.kill("SIGKILL");
  await once(holder, "exit");

  const server = await startEmbeddedPostgres({ dataDir });
  expect(server.pid).toBe(Number(String(pid)));
  expect(await query(server.url, "select 1 as alive")).toEqual([{ alive: 1 }]);
  await server.stop();
  await expect(query(server.url, "select 1")).rejects.toThrow();
});
