// Runs a stack in a process group of its own: a Ctrl-C in the terminal reaches the starter alone, which then has the
// stack stopped in order. In one group the terminal would interrupt workerd as well, and its starter would take that
// for a crash.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { moduleUrl } from "../../origin/runtime/place.ts";
import { StackProcessAnswer, type StackProcessOptions } from "./stack-process-messages.ts";

const main = fileURLToPath(moduleUrl("stack-main", import.meta.url));

export type RunningStack = Extract<StackProcessAnswer, { state: "running" }>;

export type StackProcess = {
  /** Rejects with what the stack says when it cannot start. */
  readonly running: Promise<RunningStack>;
  /** Resolves when the process has ended, asked to or not. */
  readonly ended: Promise<unknown>;
  /** Also while it is still starting: it then starts first, so that everything ends in order. */
  readonly stop: () => Promise<void>;
};

/** What the stack prints goes to `output`, a file descriptor of this process. */
export const startStackProcess = (options: StackProcessOptions, output: 1 | 2): StackProcess => {
  const child = fork(main, { detached: true, execArgv: [], stdio: ["ignore", output, output, "ipc"] });
  const ended = once(child, "exit");
  const answered = once(child, "message").then(([message]) => StackProcessAnswer.parse(message));
  const running = Promise.race([
    answered,
    ended.then(() => ({ state: "failed" as const, reason: "the stack's process ended while it started" })),
  ]).then((answer) => {
    if (answer.state === "failed") throw new Error(answer.reason);
    return answer;
  });
  // Whoever stops it while it starts does not wait for this.
  running.catch(() => {});
  child.send(options);
  return {
    running,
    ended,
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
};
