// The edge's part of a change's trace.
import { expect, test } from "vitest";
import { parseConfig } from "../../edge/config.ts";
import { pushSpans } from "../../edge/telemetry/trace-push.ts";
import { Revision } from "../../shared/ids.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const taken = {
  startMs: 1_000,
  endMs: 1_030,
  answer: { revision: Revision.parse(7), regions: [{ region: "weur", revision: Revision.parse(7), ms: 12 }] },
};

test.each([
  ["no traceparent", null],
  ["one of another version", `01-${TRACE}-${PARENT}-01`],
  ["one that is not sampled", `00-${TRACE}-${PARENT}-00`],
  ["something else", "a trace"],
])("a push with %s is not traced", (_title, traceparent) => {
  expect(pushSpans({ ...taken, traceparent }, () => PARENT)).toBe(null);
});

test("a push is a span of the origin's trace, and each region's confirmation one within it", () => {
  let count = 0;
  const spans = pushSpans(
    { ...taken, traceparent: `00-${TRACE}-${PARENT}-01` },
    () => `00000000000000${(count += 1)}0`,
  );
  expect(spans).toMatchObject({
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: [
              { name: "sluice.edge.apply", traceId: TRACE, parentSpanId: PARENT, spanId: "0000000000000010" },
              {
                name: "sluice.edge.confirm",
                traceId: TRACE,
                parentSpanId: "0000000000000010",
                startTimeUnixNano: "1000000000",
                endTimeUnixNano: "1012000000",
              },
            ],
          },
        ],
      },
    ],
  });
});

test("headers for the collector are percent-decoded", () => {
  const config = parseConfig({
    PUSH_KEYS: "k1:a-push-secret-of-the-tests-0123456789abcdefghijklmnop",
    COOKIE_KEYS: "k1:a-cookie-secret-of-the-tests-0123456789abcdefghijklmnop",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc, x-team = web",
  });
  expect(config.ok && config.value.OTEL_EXPORTER_OTLP_HEADERS).toEqual({
    authorization: "Bearer abc",
    "x-team": "web",
  });
});
