// Stops a PostgreSQL server and wakes it: all of its processes, so that nothing answers.
import { childrenOf } from "./linux-processes.ts";

export const signalServer = (pid: number, signal: "SIGSTOP" | "SIGCONT"): void => {
  for (const each of [pid, ...childrenOf(pid)])
    try {
      process.kill(each, signal);
    } catch (error) {
      // It has ended by itself since it was listed.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
};
