// A long run starts dozens of processes and keeps much in files. However it ends, by itself, by an error or by a signal, they end with
// it and the files go.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { allProcesses, type LinuxProcess } from "./linux-processes.ts";

const descendantsOf = (pid: number, all: readonly LinuxProcess[]): number[] =>
  all.filter(({ parent }) => parent === pid).flatMap((one) => descendantsOf(one.pid, all).concat(one.pid));

const killAll = (pids: readonly number[]): void => {
  for (const pid of pids)
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
};

/** What is mounted in the folder, as a small disk that is to be full: it cannot be removed before. */
const unmountIn = (folder: string): void => {
  const mounted = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of mounted) execFileSync("umount", [path], { stdio: "inherit" });
};

/** One of them may have started another one while they were looked for. */
const ROUNDS = 5;

/** Called once, before anything is started. */
export const endWithRun = (): void => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-run-"));
  // PostgreSQL runs as a user of its own.
  chmodSync(folder, 0o755);
  process.env["TMPDIR"] = folder;
  process.on("exit", () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const running = allProcesses().filter(({ isZombie }) => !isZombie);
      const pids = descendantsOf(process.pid, running);
      if (pids.length === 0) break;
      killAll(pids);
    }
    unmountIn(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
};
