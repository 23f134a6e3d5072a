// Which requests are witnesses of latency and errors, from the rows that the fold leaves.
import { describe, expect, test } from "vitest";
import { trafficBuckets, type TrafficPart } from "../../../origin/evaluate/read-traffic.ts";
import { emptySketch, encodeSketch, recordLatency } from "../../../shared/telemetry/latency-sketch.ts";

const sketchOf = (...latenciesMs: number[]): Uint8Array => {
  const sketch = emptySketch();
  for (const ms of latenciesMs) recordLatency(sketch, ms);
  return encodeSketch(sketch);
};
const part = (over: Partial<TrafficPart>): TrafficPart => ({
  bucketS: 0,
  cohort: "treatment",
  kind: "fetch",
  requests: 0,
  errors: 0,
  unfinished: 0,
  sketch: sketchOf(),
  unfinishedSketch: null,
  ...over,
});
const NONE = { n: 0, s: 0 };
const all = { latencyThresholdMs: 200, latencyOf: "all" } as const;

describe("a witness of latency", () => {
  test.each([
    {
      title: "a finished request by its time",
      over: { requests: 3, sketch: sketchOf(50, 100, 900) },
      latency: { n: 3, s: 1 },
    },
    {
      title: "a failed request is slow, however fast it failed",
      over: { requests: 2, errors: 1, sketch: sketchOf(50) },
      latency: { n: 2, s: 1 },
    },
    {
      title:
        "an unfinished request is slow once it was waited for longer than the threshold, and before nobody knows",
      over: { requests: 4, unfinished: 3, sketch: sketchOf(50), unfinishedSketch: sketchOf(100, 150, 800) },
      latency: { n: 2, s: 1 },
    },
    {
      title: "a failed request that an earlier version put into the sketch counts once",
      over: { requests: 2, errors: 2, sketch: sketchOf(900, 900) },
      latency: { n: 2, s: 2 },
    },
  ])("$title", ({ over, latency }) => {
    expect(trafficBuckets([part(over)], all)[0]?.latency).toEqual({ treatment: latency, holdout: NONE });
  });

  test("is of either kind, or a document alone where the rule says so; errors are of both", () => {
    const parts = [
      part({ requests: 2, errors: 1, sketch: sketchOf(900) }),
      part({ kind: "document", requests: 5, errors: 2, sketch: sketchOf(50, 50, 900) }),
    ];
    const [whole] = trafficBuckets(parts, all);
    const [documents] = trafficBuckets(parts, { ...all, latencyOf: "documents" });
    expect(whole?.latency.treatment).toEqual({ n: 7, s: 5 });
    expect(documents?.latency.treatment).toEqual({ n: 5, s: 3 });
    for (const one of [whole, documents]) expect(one?.errors.treatment).toEqual({ n: 7, s: 3 });
  });
});

test("parts of one bucket add up by cohort, and buckets stay apart", () => {
  const found = trafficBuckets(
    [
      part({ requests: 1, errors: 1, unfinished: 0 }),
      part({ requests: 3, unfinished: 2, sketch: sketchOf(50), unfinishedSketch: sketchOf(900, 900) }),
      part({
        cohort: "holdout",
        requests: 2,
        unfinished: 1,
        sketch: sketchOf(50),
        unfinishedSketch: sketchOf(1),
      }),
      part({ bucketS: 5, requests: 1, sketch: sketchOf(50) }),
    ],
    all,
  );
  expect(found).toEqual([
    {
      bucketS: 0,
      latency: { treatment: { n: 4, s: 3 }, holdout: { n: 1, s: 0 } },
      errors: { treatment: { n: 4, s: 1 }, holdout: { n: 2, s: 0 } },
      unfinished: { treatment: 2, holdout: 1 },
    },
    {
      bucketS: 5,
      latency: { treatment: { n: 1, s: 0 }, holdout: NONE },
      errors: { treatment: { n: 1, s: 0 }, holdout: NONE },
      unfinished: { treatment: 0, holdout: 0 },
    },
  ]);
});
