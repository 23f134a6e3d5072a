// The trace of a partition's move: its steps follow one another within the move, and one that fails says why.
import { expect, test } from "vitest";
import { beginMoveTrace } from "../../../origin/aggregate/move/trace-move.ts";
import type { SpanFacts } from "../../../origin/runtime/tracing.ts";

test("the steps of a move fill its time, and the move that failed has the error", () => {
  const spans: SpanFacts[] = [];
  const tracing = { record: (span: SpanFacts) => void spans.push(span), stop: async () => {} };
  let ms = 1_000;
  const trace = beginMoveTrace(tracing, { partition: 2, to: "a", nowMs: () => ms });
  ms = 1_500;
  trace.step("full runs copied");
  ms = 1_700;
  trace.step("owned");
  ms = 2_000;
  trace.end("the database a has gone");
  const [move] = spans.slice(-1);
  expect(
    spans.map(({ name, startMs, endMs, attributes }) => [name, startMs, endMs, attributes["sluice.step"]]),
  ).toEqual([
    ["sluice.partition.step", 1_000, 1_500, "full runs copied"],
    ["sluice.partition.step", 1_500, 1_700, "owned"],
    ["sluice.partition.move", 1_000, 2_000, undefined],
  ]);
  expect(move).toMatchObject({
    error: "the database a has gone",
    attributes: { "sluice.partition": 2, "sluice.database": "a" },
  });
  for (const step of spans.slice(0, -1))
    expect(step).toMatchObject({ traceId: move?.traceId, parentId: move?.spanId });
});
