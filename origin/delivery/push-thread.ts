// Runs outbox and push in a thread of their own, so that a rollback on its way to the edge never waits for telemetry,
// a check or a page of the console.
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { PushReport, PushOptions } from "./push-worker.ts";
import { keepThread, type Thread } from "../runtime/thread.ts";

export type Push = Thread & {
  /** It listens for changes and is sending what was committed before. */
  readonly isReady: () => boolean;
};

export const startPush = (
  workerData: PushOptions,
  { metrics, logger }: { metrics: Pick<Metrics, "edgeRevision" | "rollbackToEdgeSeconds">; logger: Logger },
): Push => {
  let ready = false;
  const hear = (message: PushReport): void => {
    switch (message.type) {
      case "ready":
        ready = true;
        return;
      case "edgeRevision":
        metrics.edgeRevision.set({ edge: message.edge, region: message.region }, message.revision);
        return;
      case "rollbackToEdge":
        metrics.rollbackToEdgeSeconds.observe(message.seconds);
        return;
      default:
        message satisfies never;
    }
  };
  const thread = keepThread({
    file: new URL("push-worker.ts", import.meta.url),
    name: "push",
    workerData,
    onStart: (worker) => {
      ready = false;
      worker.on("message", hear);
    },
    logger,
  });
  return { stop: thread.stop, isReady: () => ready };
};
