import { expect, test } from "vitest";
import { captchaFinding, spansOf, type Observation, type Sender } from "../../edge/telemetry/observation.ts";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import type { Assignment } from "../../edge/features/compiled-feature.ts";
import { makeIsKnownBot } from "../../edge/telemetry/known-bots.ts";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { UnitId } from "../../shared/ids.ts";
import { feature } from "./support/edge.ts";

const { revision, features } = PushMessage.parse({
  revision: 1,
  full: true,
  features: [feature("feat_a"), feature("feat_b"), feature("feat_of_users", { unit: "user" })],
});
const assigned = compileSnapshot(revision, features.map(encodeFeature)).features.map(
  (each): Assignment => each.assignments.treatment,
);

const visitorId = UnitId.parse('unit "7"');
const sender: Sender = {
  method: "GET",
  units: { visitorId, userId: null },
  isKnownBot: false,
  captcha: null,
  network: null,
  traceparent: null,
};
const observation: Observation = { startMs: 1_790_000_000_123.25, says: "exposure", features: assigned };

const spans = (fields: Partial<Sender> = {}) => spansOf({ ...sender, ...fields }, observation);

test("each unit of a request tells of its own features", () => {
  const userId = UnitId.parse("user-1");
  const told = (units: Sender["units"]) =>
    spans({ units }).map(({ unitId, features: own }) => [unitId, own.length]);
  expect(told({ visitorId, userId: null })).toEqual([[visitorId, 2]]);
  expect(told({ visitorId: null, userId })).toEqual([[userId, 1]]);
  expect(told({ visitorId, userId })).toEqual([
    [visitorId, 2],
    [userId, 1],
  ]);
  expect(told({ visitorId: null, userId: null })).toEqual([]);
});

test("a request without a compared feature sends no span", () => {
  expect(spansOf(sender, { ...observation, features: [] })).toEqual([]);
  const off = assigned.map((each) => each.feature.assignments.off);
  expect(spansOf(sender, { ...observation, features: off })).toEqual([]);
});

test("a bot's spans say so, and an invalid trace context begins a new trace", () => {
  const isKnownBot = makeIsKnownBot();
  expect(isKnownBot("Googlebot/2.1")).toBe(true);
  expect(isKnownBot("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")).toBe(false);
  expect(spans({ isKnownBot: true })).toMatchObject([{ isBot: true }]);
  expect(spans()).toMatchObject([{ isBot: false }]);
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
    expect(spans({ traceparent })).toMatchObject([{ parent: null }]);
  expect(spans({ traceparent: `00-${traceId}-${spanId}-01` })[0]?.parent).not.toBe(null);
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
  const scored = spans({ isKnownBot: true, captcha: { score: 0.9, isBot: false } });
  expect(scored).toMatchObject([{ isBot: true, captchaScore: 0.9 }]);
});
