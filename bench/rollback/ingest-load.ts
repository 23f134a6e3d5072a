// Starts the telemetry load and, when it is stopped, says what it came to.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { z } from "zod";

const Result = z.object({ spansPerSecond: z.number(), acked: z.number(), refused: z.number() });

export const startIngestLoad = (options: {
  url: string;
  token: string;
  features: readonly string[];
  spansPerSecond: number;
}) => {
  const worker = new Worker(new URL("load-worker.ts", import.meta.url), { workerData: options });
  return {
    stop: async (): Promise<z.infer<typeof Result>> => {
      const answer = once(worker, "message");
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage("stop");
      return Result.parse((await answer)[0]);
    },
  };
};
