import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { startEmbeddedPostgres } from "../../origin/db/embedded-postgres.ts";

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

test.runIf(process.getuid?.() === 0)(
  "without setpriv a private folder is an error that names it",
  async () => {
    const dataDir = await makeFolder(0o700);
    const path = process.env["PATH"];
    onTestFinished(() => {
      process.env["PATH"] = path;
    });
    process.env["PATH"] = dataDir;
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
      "needs the program setpriv (util-linux)",
    );
  },
);

/** Has a process of its own start a server on `dataDir` and die; resolves with the server's pid. */
const startAndDie = async (dataDir: string): Promise<number> => {
  const module = new URL("../../origin/db/embedded-postgres.ts", import.meta.url).href;
  const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    process.stdout.write(String(server.pid)); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [pid] = await once(holder.stdout, "data");
  holder.kill("SIGKILL");
  await once(holder, "exit");
  return Number(String(pid));
};

test("a second process does not share the server of one that runs: it is told whose the folder is", async () => {
  const dataDir = await makeFolder(0o755);
  const server = await startEmbeddedPostgres({ dataDir, ownerPort: 8089 });
  onTestFinished(() => server.stop());
  const module = new URL("../../origin/db/embedded-postgres.ts", import.meta.url).href;
  const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });`;
  const second = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  second.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
  expect((await once(second, "close"))[0]).toBe(1);
  expect(words).toContain(
    `DATA_DIR ${dataDir} is in use by process ${process.pid}, which listens on port 8089. Stop it first, or name another folder.`,
  );
  expect(await query(server.url, "select 1 as alive")).toEqual([{ alive: 1 }]);
});

test("a server that a killed process left behind is taken over, goes on, and can be stopped", async () => {
  const dataDir = await makeFolder(0o755);
  const pid = await startAndDie(dataDir);
  const server = await startEmbeddedPostgres({ dataDir });
  expect(server.pid).toBe(pid);
  // Longer than it would have waited for a new owner.
  await sleep(7_000);
  expect(await query(server.url, "select 1 as alive")).toEqual([{ alive: 1 }]);
  await server.stop();
  await expect(query(server.url, "select 1")).rejects.toThrow();
});

test("a server whose process was killed ends when none takes it over", async () => {
  const pid = await startAndDie(await makeFolder(0o700));
  const isAlive = () => process.kill(pid, 0);
  expect(isAlive()).toBe(true);
  await vi.waitFor(() => expect(isAlive).toThrow("ESRCH"), { timeout: 30_000, interval: 100 });
});
