// What the exporter gets of a gated request.
import { expect, test, vi } from "vitest";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import { makeEvaluationCache } from "../../edge/features/evaluation-cache.ts";
import { readIncoming } from "../../edge/incoming-request.ts";
import { makeGateRequest } from "../../edge/proxy/gate-request.ts";
import { makeObserve, type ObservedResponse } from "../../edge/proxy/observe.ts";
import type { RequestSpans } from "../../edge/telemetry/span-writer.ts";
import { newIdentity } from "../../edge/visitor/identity.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { Revision } from "../../shared/ids.ts";
import { err } from "../../shared/result.ts";
import { feature } from "./support/edge.ts";

const names = Array.from({ length: 100 }, (_, i) => `feat_${i}`);
const snapshot = compileSnapshot(
  Revision.parse(1),
  names.map((name) =>
    encodeFeature(FeatureState.parse(feature(name, { activation: { path: `/buy/${name}` } }))),
  ),
);
const setUp = () => {
  const identity = { ...newIdentity(), signed: { day: 1, kid: "k" } };
  const gateRequest = makeGateRequest({
    cache: {
      read: () => ({ snapshot, source: "memory", ageMs: 0, stale: false }),
      refresh: async () => true,
      changed: async () => undefined,
      calls: () => 0,
    },
    identify: () => identity,
    evaluations: makeEvaluationCache(),
    readClaims: async () => null,
    previews: { verify: async () => err({ reason: "malformed" }), read: () => null },
  });
  const sent: RequestSpans[] = [];
  const isKnownBot = vi.fn(() => false);
  const observe = makeObserve({
    captcha: null,
    exporter: { add: (spans) => sent.push(spans), stats: () => ({ sent: 0, dropped: 0, waiting: 0 }) },
    isKnownBot,
    random: () => 0,
  });
  const visit = async (path: string, response: Partial<ObservedResponse> = {}, method = "GET") => {
    const request = new Request(`http://shop.test${path}`, { method });
    const gated = await gateRequest(readIncoming(request), () => undefined);
    const observed = { status: 200, startMs: 1_000, durationMs: 5, ...response };
    observe(gated, observed, () => undefined);
  };
  return { visit, sent, isKnownBot };
};

const activatedIn = (spans: RequestSpans | undefined): number =>
  spans?.features.filter(({ activated }) => activated).length ?? 0;

test("a request on a feature's activation route activates this feature, if the upstream answers below 400", async () => {
  const { visit, sent } = setUp();
  await visit("/buy/feat_7", {}, "POST");
  await visit("/buy/feat_7", { status: 404 }, "POST");
  await visit("/buy/feat_7");
  expect(sent.map(activatedIn)).toEqual([1, 0, 0]);
});

test("an answer of the gate itself activates nothing", async () => {
  const { visit, sent } = setUp();
  await visit("/buy/feat_7", { durationMs: null }, "POST");
  expect(sent.map(activatedIn)).toEqual([0]);
});

test("a unit is reported in full at first and again after a minute, and by a sample between", async () => {
  const { visit, sent, isKnownBot } = setUp();
  for (const startMs of [1_000, 2_000, 61_000, 61_001, 62_000]) await visit("/", { startMs });
  expect(sent.map(({ features }) => features.length)).toEqual([100, 8, 8, 100, 8]);
  expect(isKnownBot).toHaveBeenCalledTimes(2);
});
