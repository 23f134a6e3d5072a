// The origin of `dist`, started as the image starts it, and its memory as Linux accounts for it.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../origin/db/free-port.ts";
import { root } from "../../origin/runtime/place.ts";
import { megabytesIn, procFile } from "../../test/support/linux-processes.ts";

const READY_WITHIN_MS = 60_000;

const wholeMb = (pid: number | undefined, field: "VmRSS" | "VmHWM" | "RssFile"): number =>
  Math.round(megabytesIn(procFile(pid ?? 0, "status"), field));

/** Of all roles, on a database that has its schema. */
export const startBuiltOrigin = async (databaseUrl: string) => {
  const port = await freePort();
  const beganAt = performance.now();
  const child = spawn(process.execPath, [join(root, "dist", "origin", "main.js")], {
    env: {
      PATH: process.env["PATH"],
      NODE_ENV: "production",
      // As in the image and in the systemd unit.
      MALLOC_ARENA_MAX: "2",
      DATABASE_URL: databaseUrl,
      ORIGIN_PORT: String(port),
      INGEST_TOKEN: randomBytes(32).toString("hex"),
      ADMIN_TOKEN: randomBytes(32).toString("hex"),
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const isReady = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok === true;
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() - beganAt > READY_WITHIN_MS)
      throw new Error("the origin did not become ready");
    await sleep(10);
  }
  const readyMs = performance.now() - beganAt;
  return {
    readyMs,
    memoryAfter: async (seconds: number) => {
      await sleep(seconds * 1_000);
      return {
        residentMb: wholeMb(child.pid, "VmRSS"),
        peakMb: wholeMb(child.pid, "VmHWM"),
        programMb: wholeMb(child.pid, "RssFile"),
      };
    },
    stop: async (): Promise<void> => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
};

/** What a program with as many threads as the origin takes that does nothing. */
export const bareNodeMb = async (): Promise<number> => {
  const program = `
    const { Worker } = require("node:worker_threads");
    for (let n = 0; n < 2; n++) new Worker("setInterval(() => {}, 1e6)", { eval: true });
    setTimeout(() => process.send("settled"), 2000);`;
  const child = spawn(process.execPath, ["--eval", program], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(child, "message");
  const residentMb = wholeMb(child.pid, "VmRSS");
  child.kill();
  await once(child, "exit");
  return residentMb;
};
