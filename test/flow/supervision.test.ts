// What was started does not outlive its starter, and what dies is started again: real programs, killed with −9.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../origin/db/free-port.ts";
import { startOriginProcess } from "../../scripts/local-stack/origin-process.ts";
import { portErrors } from "../../scripts/local-stack/ports.ts";
import { childrenOf, procFile } from "../support/linux-processes.ts";
import { listenOnLoopback } from "../support/listen.ts";
import { startOrigin } from "../support/origin.ts";
import { eventually } from "../support/stack.ts";

const makeDataDir = async (): Promise<string> => {
  const dataDir = await mkdtemp(join(tmpdir(), "sluice-flow-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));
  return dataDir;
};
const postmasterOf = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, "postgres", "data", "postmaster.pid"), "utf8")).split("\n")[0]);
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const childByCommand = (parent: number, part: string): number | undefined =>
  childrenOf(parent).find((pid) => procFile(pid, "cmdline").replaceAll("\0", " ").includes(part));

test("an origin whose PostgreSQL is killed carries on with another one, and has everything that was committed", async () => {
  const dataDir = await makeDataDir();
  const origin = await startOrigin({ DATA_DIR: dataDir });
  onTestFinished(async () => void (await origin.end("SIGTERM")));
  await origin.admin("POST", "/features", { featureId: "feat_before" });
  for (const round of [1, 2]) {
    process.kill(await postmasterOf(dataDir), "SIGKILL");
    await eventually(async () => (await fetch(`${origin.url}/readyz`)).status === 503, 5_000);
    await eventually(async () => (await fetch(`${origin.url}/readyz`)).ok, 30_000);
    await origin.admin("POST", "/features", { featureId: `feat_after_${round}` });
  }
  const { features } = await origin.admin("GET", "/features");
  expect(features).toHaveLength(3);
});

const npmStart = async () => {
  const dataDir = await makeDataDir();
  const [edge, origin, shop] = [await freePort(), await freePort(), await freePort()];
  const child = spawn("npm", ["start"], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      DATA_DIR: dataDir,
      EDGE_PORT: String(edge),
      ORIGIN_PORT: String(origin),
      SHOP_PORT: String(shop),
    },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  const keep = (chunk: Buffer) => (words += chunk.toString());
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = once(child, "exit");
  await eventually(async () => words.includes("Sluice is running") || child.exitCode !== null, 60_000);
  if (child.exitCode !== null) throw new Error(words);
  const npm = child.pid ?? 0;
  const starter = childByCommand(npm, "scripts/start.ts") ?? 0;
  const stack = childByCommand(starter, "stack-main.ts") ?? 0;
  return {
    dataDir,
    ended,
    pids: { npm, starter, stack, postgres: await postmasterOf(dataDir) },
    listeners: [
      { variable: "EDGE_PORT", host: "127.0.0.1", port: edge },
      { variable: "ORIGIN_PORT", host: "127.0.0.1", port: origin },
      { variable: "SHOP_PORT", host: "127.0.0.1", port: shop },
    ],
  };
};

test.each(["npm", "starter", "stack"] as const)(
  "nothing of `npm start` lives on when its %s process is killed with −9",
  async (victim) => {
    const { pids, listeners, ended } = await npmStart();
    expect(pids[victim]).toBeGreaterThan(1);
    process.kill(pids[victim], "SIGKILL");
    await eventually(async () => (await portErrors(listeners)).length === 0, 20_000);
    await eventually(async () => !isAlive(pids.postgres) && !isAlive(pids.stack), 20_000);
    if (victim !== "npm") await ended;
  },
);

test("another program that answers /readyz on the port is not taken for the origin", async () => {
  const stranger = createServer((_, response) => response.end("ok"));
  const { port } = await listenOnLoopback(stranger);
  onTestFinished(() => void stranger.close());
  const origin = startOriginProcess({
    port,
    env: { DATA_DIR: await makeDataDir(), LOG_LEVEL: "warn" },
    onLine: () => {},
  });
  onTestFinished(() => origin.stop());
  await expect(origin.ready()).rejects.toThrow(`ORIGIN_PORT: port ${port} is in use`);
});
