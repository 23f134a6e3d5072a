// Runs outbox and push in a thread of their own, so that a rollback on its way to the edge never waits for telemetry,
// an evaluation or a page of the console.
import type { Logger } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { makeEdgeReport, type EdgeMetrics } from "./edges/edge-metrics.ts";
import type { PushReport, PushOptions } from "./push-worker.ts";
import { moduleUrl } from "../runtime/place.ts";
import { superviseThread, type SupervisedThread } from "../runtime/supervised-thread.ts";

export type Push = SupervisedThread & {
  /** Whether it listens for changes and sends the ones that were committed before it started. */
  readonly isReady: () => boolean;
};

export const startPush = (
  workerData: PushOptions,
  { metrics, logger }: { metrics: EdgeMetrics & Pick<Metrics, "rollbackToEdgeSeconds">; logger: Logger },
): Push => {
  let ready = false;
  const edges = makeEdgeReport(metrics, workerData.edgeUrls, () => performance.now());
  const onMessage = (message: PushReport): void => {
    switch (message.type) {
      case "ready":
        ready = true;
        return;
      case "confirmed":
        edges.confirmed(message);
        return;
      case "failing":
        edges.failing(message.edge, message.isFailing);
        return;
      case "ahead":
        edges.ahead(message.edge);
        return;
      case "rollbackToEdge":
        metrics.rollbackToEdgeSeconds.observe(message.seconds);
        return;
      default:
        message satisfies never;
    }
  };
  const thread = superviseThread({
    file: moduleUrl("push-worker", import.meta.url),
    name: "push",
    workerData,
    onStart: (worker) => {
      ready = false;
      worker.on("message", onMessage);
    },
    logger,
  });
  return { stop: thread.stop, isReady: () => ready };
};
