// The numbers of received spans, in OTLP's answer and in the metrics.
import { expect, test } from "vitest";
import { countSpans, rejectedSpans } from "../../../origin/ingest/count-spans.ts";
import { makeMetrics } from "../../../origin/runtime/metrics.ts";
import type { Classification } from "../../../origin/ingest/classify.ts";

const counts = new Map<Classification, number>([
  ["accepted", 7],
  ["future", 2],
  ["badIds", 1],
  ["bot", 3],
  ["botByCaptcha", 4],
  ["notAFeature", 5],
]);

test("rejected spans are counted together, with a reason for each kind", () => {
  expect(rejectedSpans(counts)).toEqual({
    rejected: 3,
    message:
      "2: start time more than 10 minutes ahead; 1: trace id or span id missing, of wrong length or all zero",
  });
  expect(rejectedSpans(new Map([["accepted", 7]]))).toEqual({ rejected: 0, message: "" });
});

test("metrics tell accepted, rejected and ignored spans apart, and why a span was not counted", async () => {
  const metrics = makeMetrics();
  countSpans(metrics, counts);
  const valuesOf = async (metric: {
    get: () => Promise<{ values: { labels: Record<string, unknown>; value: number }[] }>;
  }) => (await metric.get()).values.map(({ labels, value }) => [Object.values(labels)[0], value]);
  expect(await valuesOf(metrics.ingestSpans)).toEqual([
    ["accepted", 7],
    ["rejected", 3],
    ["ignored", 12],
  ]);
  expect(await valuesOf(metrics.droppedSpans)).toEqual([
    ["future", 2],
    ["badIds", 1],
    ["bot", 7],
    ["notAFeature", 5],
  ]);
});
