// Ends the programs of a process that has died, in whatever way: workerd would live on and hold its port.
import { spawn } from "node:child_process";
import { Socket } from "node:net";

/**
 * Kills the rest of this process's group when this process has died: the standard input of a shell closes with it. Only for a
 * process that leads its group. Where there is no shell, nothing is killed.
 */
export const endGroupWithUs = (): void => {
  const shell = spawn("sh", ["-c", `read -r _; kill -9 -${process.pid}`], {
    // In a group of its own, which is not ended by what it does.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.on("error", () => {});
  shell.unref();
  // The pipe must not keep this process from ending.
  if (shell.stdin instanceof Socket) shell.stdin.unref();
};
