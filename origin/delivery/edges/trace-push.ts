// The span of a push that carries a change. Heartbeats and questions are no part of a change's way.
import type { PushMessage } from "../../../shared/snapshot/push-message.ts";
import { newSpanId, spanIdOf, traceIdOf, traceparentOf, type Tracing } from "../../runtime/tracing.ts";
import type { PushAnswer } from "./read-answer.ts";

export type PushSpan = {
  /** Goes along with the push, so that the edge's part is in the same trace. */
  readonly traceparent: string;
  readonly end: (answer: PushAnswer) => void;
};

const isChange = ({ revision, since = revision, closes = [] }: PushMessage): boolean =>
  since < revision || closes.length > 0;

/** undefined: this push is not traced. `nowMs`: unix time. */
export const beginPushSpan = (
  tracing: Tracing | undefined,
  { url, message, nowMs }: { url: string; message: PushMessage; nowMs: () => number },
): PushSpan | undefined => {
  const { lineage, revision } = message;
  if (tracing === undefined || lineage === undefined || !isChange(message)) return undefined;
  const traceId = traceIdOf({ lineage, revision });
  const spanId = newSpanId();
  const startMs = nowMs();
  return {
    traceparent: traceparentOf(traceId, spanId),
    end: (answer) =>
      tracing.record({
        name: "sluice.push",
        traceId,
        spanId,
        parentId: spanIdOf(traceId, "commit"),
        startMs,
        endMs: nowMs(),
        attributes: {
          "sluice.edge": new URL(url).host,
          "sluice.revision": revision,
          "sluice.answer": answer.kind,
        },
        ...("error" in answer ? { error: answer.error } : {}),
      }),
  };
};
