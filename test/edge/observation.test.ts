import { expect, test } from "vitest";
import { captchaFinding, spansOf, SAMPLED, type Observation } from "../../edge/telemetry/observation.ts";
import type { FeatureSpan } from "../../edge/telemetry/span-writer.ts";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import type { Assignment } from "../../edge/features/compiled-feature.ts";
import { makeIsKnownBot } from "../../edge/telemetry/known-bots.ts";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { UnitId } from "../../shared/ids.ts";
import { feature } from "./support/edge.ts";

const names = Array.from({ length: 40 }, (_, i) => `feat_${i}`);
const { revision, features } = PushMessage.parse({
  revision: 1,
  full: true,
  features: names.map((name) => feature(name)),
});
const assigned = compileSnapshot(revision, features.map(encodeFeature)).features.map(
  (each): Assignment => each.assignments.treatment,
);

const observed = (fields: Partial<Observation> = {}): Observation => ({
  method: "GET",
  units: { visitorId: UnitId.parse('unit "7"'), userId: null },
  isKnownBot: false,
  captcha: null,
  traceparent: null,
  startMs: 1_790_000_000_123.25,
  durationMs: 12.5,
  status: 200,
  exposed: assigned,
  activated: [],
  inFull: false,
  ...fields,
});

const reported = (fields: Partial<Observation> = {}, random = Math.random): readonly FeatureSpan[] =>
  spansOf(observed(fields), random).flatMap(({ features: spans }) => spans);

test("a full report has a span for every compared feature, another one a sample", () => {
  expect(reported({ inFull: true })).toHaveLength(40);
  expect(reported()).toHaveLength(SAMPLED);
  expect(reported({ exposed: assigned.slice(0, SAMPLED) })).toHaveLength(SAMPLED);
});

test("every compared feature is sampled equally often", () => {
  const counts = new Map<Uint8Array, number>();
  for (let i = 0; i < 40; i++)
    for (const { attributes } of reported({}, () => i / 40))
      counts.set(attributes, (counts.get(attributes) ?? 0) + 1);
  expect(counts.size).toBe(40);
  expect(new Set(counts.values())).toEqual(new Set([SAMPLED]));
});

test("activations are always sent, once, whatever the sample is", () => {
  for (let i = 0; i < 40; i++) {
    const spans = reported({ activated: assigned.slice(0, 2) }, () => i / 40);
    expect(spans.filter(({ activated }) => activated)).toHaveLength(2);
    expect(new Set(spans.map(({ attributes }) => attributes)).size).toBe(spans.length);
  }
});

test("a request without a compared feature sends no span", () => {
  expect(spansOf(observed({ exposed: [] }), Math.random)).toEqual([]);
});

test("a bot's spans say so, and an invalid trace context begins a new trace", () => {
  const isKnownBot = makeIsKnownBot();
  expect(isKnownBot("Googlebot/2.1")).toBe(true);
  expect(isKnownBot("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")).toBe(false);
  expect(spansOf(observed({ isKnownBot: true }), Math.random)).toMatchObject([{ isBot: true }]);
  expect(spansOf(observed(), Math.random)).toMatchObject([{ isBot: false }]);
  const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  for (const traceparent of [
    "",
    "00-xyz-b7ad6b7169203331-01",
    `00-${traceId}`,
    `00-${"0".repeat(32)}-${"0".repeat(16)}-00`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
  ])
    expect(spansOf(observed({ traceparent }), Math.random)).toMatchObject([{ parent: null }]);
});

test("a score below the threshold is a bot's; a score above it does not clear a User-Agent of a bot", () => {
  const captcha = {
    provider: "recaptcha",
    secret: "s",
    verifyUrl: "https://a.test",
    threshold: 0.3,
  } as const;
  expect(captchaFinding(captcha, 0.29)).toEqual({ score: 0.29, isBot: true });
  expect(captchaFinding(captcha, 0.3)).toEqual({ score: 0.3, isBot: false });
  expect(captchaFinding(captcha, null)).toBe(null);
  expect(captchaFinding(null, 0.1)).toBe(null);
  const spans = spansOf(observed({ isKnownBot: true, captcha: { score: 0.9, isBot: false } }), Math.random);
  expect(spans).toMatchObject([{ isBot: true, captchaScore: 0.9 }]);
});
