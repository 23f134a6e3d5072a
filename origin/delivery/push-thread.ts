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
  /** Names what keeps it from hearing of changes at once; empty while it hears of them. */
  readonly notListening: () => readonly string[];
};

/** A connection that breaks is made again in less. */
const SILENT_AFTER_MS = 10_000;

export const startPush = (
  workerData: PushOptions,
  {
    metrics,
    logger,
  }: { metrics: EdgeMetrics & Pick<Metrics, "rollbackToEdgeSeconds" | "listening">; logger: Logger },
): Push => {
  let ready = false;
  /** null: it listens. */
  let silentSinceMs: number | null = performance.now();
  metrics.listening.readWith(() => [{ labels: {}, value: silentSinceMs === null ? 1 : 0 }]);
  const edges = makeEdgeReport(metrics, workerData.edgeUrls, () => performance.now());
  const onMessage = (message: PushReport): void => {
    switch (message.type) {
      case "ready":
        ready = true;
        return;
      case "listening":
        silentSinceMs = message.isListening ? null : (silentSinceMs ?? performance.now());
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
      silentSinceMs ??= performance.now();
      worker.on("message", onMessage);
    },
    logger,
  });
  return {
    stop: thread.stop,
    isReady: () => ready,
    notListening: () => {
      const silentMs = silentSinceMs === null ? 0 : performance.now() - silentSinceMs;
      return silentMs > SILENT_AFTER_MS
        ? [
            `push: it could not connect to the database to hear of changes for ${Math.round(silentMs / 1_000)} s; it finds them by asking, later`,
          ]
        : [];
    },
  };
};
