// The trace of a partition's move: one span for the move, and within it one for each step.
import { newSpanId, newTraceId, type Tracing } from "../../runtime/tracing.ts";
import type { Step } from "./move-partition.ts";

/** `nowMs`: unix time. */
export const beginMoveTrace = (
  tracing: Tracing | undefined,
  { partition, to, nowMs }: { partition: number; to: string; nowMs: () => number },
) => {
  const [traceId, move] = [newTraceId(), newSpanId()];
  const attributes = { "sluice.partition": partition, "sluice.database": to };
  const beganMs = nowMs();
  let stepBeganMs = beganMs;
  return {
    /** The step is done. */
    step: (step: Step): void => {
      const endMs = nowMs();
      tracing?.record({
        name: "sluice.partition.step",
        traceId,
        spanId: newSpanId(),
        parentId: move,
        startMs: stepBeganMs,
        endMs,
        attributes: { ...attributes, "sluice.step": step },
      });
      stepBeganMs = endMs;
    },
    end: (error?: string): void =>
      tracing?.record({
        name: "sluice.partition.move",
        traceId,
        spanId: move,
        startMs: beganMs,
        endMs: nowMs(),
        attributes,
        ...(error === undefined ? {} : { error }),
      }),
  };
};
