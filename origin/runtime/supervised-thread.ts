// A thread that does a stage's work for as long as the origin runs. One that dies is started again.
import { Worker, type ResourceLimits } from "node:worker_threads";
import type { ErrorLog } from "./log.ts";

const RESTART_MS = 500;

export type SupervisedThread = {
  /** Tells it "stop" and waits for its end. */
  readonly stop: () => Promise<void>;
};

/** `onStart` is called with each new worker, before its first message. */
export const superviseThread = (options: {
  file: URL;
  name: string;
  workerData: unknown;
  resourceLimits?: ResourceLimits;
  onStart: (worker: Worker) => void;
  logger: ErrorLog;
}): SupervisedThread => {
  const { file, name, workerData, resourceLimits = {}, onStart, logger } = options;
  let stopping = false;
  let restart: NodeJS.Timeout | undefined;

  const start = (): Worker => {
    const worker = new Worker(file, { workerData, name, resourceLimits });
    worker.on("error", (error) =>
      logger.error(
        { err: error, thread: name },
        `the ${name} thread failed; it starts again in ${RESTART_MS} ms`,
      ),
    );
    worker.on("exit", () => {
      if (stopping) return;
      restart = setTimeout(() => {
        running = start();
      }, RESTART_MS);
    });
    onStart(worker);
    return worker;
  };

  let running = start();
  return {
    stop: async () => {
      stopping = true;
      clearTimeout(restart);
      if (running.threadId === -1) return;
      // Not once() of node:events: that rejects when the thread fails before it ends.
      const ended = new Promise<void>((resolve) => {
        running.once("exit", () => resolve());
      });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      running.postMessage("stop");
      await ended;
    },
  };
};
