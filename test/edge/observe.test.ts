import { expect, test } from "vitest";
import { makeIds, SAMPLED, spansOf, type Observation } from "../../edge/observe/observe.ts";
import { encodeTraces } from "../../edge/observe/otlp.ts";
import { compile } from "../../edge/request/compile.ts";
import type { Assigned } from "../../edge/request/gate.ts";
import { PushMessage } from "../../shared/feature.ts";
import { feature } from "./support/edge.ts";

const names = Array.from({ length: 40 }, (_, i) => `feat_${i}`);
const { revision, features } = PushMessage.parse({
  revision: 1,
  full: true,
  features: names.map((name) => feature(name)),
});
const assigned = compile(revision, features).features.map((each): Assigned => each.as.treatment);

const seen = (fields: Partial<Observation> = {}): Observation => ({
  method: "GET",
  unitId: 'unit "7"',
  userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
  traceparent: null,
  startMs: 1_790_000_000_123.25,
  durationMs: 12.5,
  status: 200,
  exposed: assigned,
  activated: [],
  inFull: false,
  ...fields,
});

const ids = () => makeIds(() => "0123456789abcdef01234567");

test("a full report names every compared feature, a usual one a few", () => {
  expect(spansOf(seen({ inFull: true }), ids(), Math.random)).toHaveLength(40);
  expect(spansOf(seen(), ids(), Math.random)).toHaveLength(SAMPLED);
  expect(spansOf(seen({ exposed: assigned.slice(0, SAMPLED) }), ids(), Math.random)).toHaveLength(SAMPLED);
});

test("every compared feature is drawn equally often", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 40; i++)
    for (const { subject } of spansOf(seen(), ids(), () => i / 40))
      counts.set(subject, (counts.get(subject) ?? 0) + 1);
  expect(counts.size).toBe(40);
  expect(new Set(counts.values())).toEqual(new Set([SAMPLED]));
});

test("actions are always sent, once, whatever was drawn", () => {
  for (let i = 0; i < 40; i++) {
    const activated = assigned.slice(0, 2);
    const spans = spansOf(seen({ activated }), ids(), () => i / 40);
    expect(spans.filter(({ actionTaken }) => actionTaken)).toHaveLength(2);
    expect(new Set(spans.map(({ subject }) => subject)).size).toBe(spans.length);
  }
});

test("ids are unique and of the lengths that W3C Trace Context wants", () => {
  const made = ids();
  const spans = Array.from({ length: 100 }, () => spansOf(seen(), made, Math.random)).flat();
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  expect(spans.every(({ spanId, visit }) => spanId.length === 16 && visit.traceId.length === 32)).toBe(true);
});

test("the body is OTLP JSON with everything that was seen", () => {
  const observation = seen({ status: 503, exposed: assigned.slice(0, 1), userAgent: "Googlebot/2.1" });
  expect(JSON.parse(encodeTraces(spansOf(observation, ids(), Math.random)))).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [{ key: "service.name", value: { stringValue: "sluice-edge" } }] },
        scopeSpans: [
          {
            scope: { name: "sluice" },
            spans: [
              {
                traceId: "0123456789abcdef0123456700000001",
                spanId: "0123456700000002",
                name: "GET",
                kind: 2,
                startTimeUnixNano: "1790000000123250000",
                endTimeUnixNano: "1790000000135750000",
                attributes: [
                  { key: "feature_flag.context.id", value: { stringValue: 'unit "7"' } },
                  { key: "http.response.status_code", value: { intValue: "503" } },
                  { key: "is_bot", value: { boolValue: true } },
                  { key: "feature_flag.key", value: { stringValue: "feat_0" } },
                  { key: "feature_flag.result.variant", value: { stringValue: "treatment" } },
                  { key: "sluice.epoch", value: { intValue: "1" } },
                ],
                status: { code: 2 },
              },
            ],
          },
        ],
      },
    ],
  });
});
