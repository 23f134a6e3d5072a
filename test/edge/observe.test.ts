// What the exporter gets of a gated request.
import { expect, test } from "vitest";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import { makeEvaluationCache } from "../../edge/features/evaluation-cache.ts";
import { readIncoming } from "../../edge/incoming-request.ts";
import { makeGateRequest } from "../../edge/proxy/gate-request.ts";
import { makeObserve } from "../../edge/proxy/observe.ts";
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
  [
    ...names.map((name) => feature(name, { activation: { path: `/buy/${name}` } })),
    feature("feat_more", { routes: [{ path: "/more" }] }),
  ].map((state) => encodeFeature(FeatureState.parse(state))),
);
const setUp = () => {
  const identity = { ...newIdentity(), signed: { day: 1, kid: "k" } };
  const gateRequest = makeGateRequest({
    cache: {
      read: () => ({ snapshot, source: "memory", ageMs: 0, stale: false }),
    },
    identify: () => identity,
    evaluations: makeEvaluationCache(),
    isClosedWithoutState: () => false,
    readClaims: async () => null,
    previews: { verify: async () => err({ reason: "malformed" }), read: () => null },
    allowNewUnit: () => true,
    now: () => 0,
  });
  const sent: RequestSpans[] = [];
  const observe = makeObserve({
    captcha: null,
    exporter: {
      add: (spans) => sent.push(spans),
      stats: () => ({ sent: 0, refused: 0, dropped: 0, waiting: 0 }),
    },
    isKnownBot: () => false,
    networkHash: () => null,
    random: () => 0,
  });
  /** What one request of the visitor tells: with an answer of the upstream, unless `status` is null. */
  const visit = async (path: string, options: { nowMs?: number; status?: number; method?: string } = {}) => {
    const { nowMs = 1_000, status = 200, method = "GET" } = options;
    const before = sent.length;
    const request = new Request(`http://shop.test${path}`, {
      method,
      headers: { "User-Agent": "Firefox/140.0" },
    });
    const gated = await gateRequest(readIncoming(request), () => undefined);
    const isSampled = observe.begin(gated, nowMs, () => undefined);
    observe.answered(gated, status, nowMs, () => undefined);
    return { told: sent.slice(before), isSampled };
  };
  return { visit };
};

/** How many features the spans tell of, by what they say of them. */
const counts = (told: readonly RequestSpans[]): Record<string, number> =>
  Object.fromEntries(
    told.map(({ says, features }) => [typeof says === "string" ? says : "end", features.length]),
  );

test("a request on a feature's activation route activates this feature, if the upstream answers below 400", async () => {
  const { visit } = setUp();
  const activates = async (options: Parameters<typeof visit>[1]) =>
    counts((await visit("/buy/feat_7", options)).told)["activation"] ?? 0;
  expect(await activates({ method: "POST" })).toBe(1);
  expect(await activates({ method: "POST", status: 404 })).toBe(0);
  expect(await activates({})).toBe(0);
});

test("exposures are told at once; again each second by a part that a sampled request brings, and in full after a minute", async () => {
  const { visit } = setUp();
  const told = async (nowMs: number) => counts((await visit("/", { nowMs })).told)["exposure"] ?? 0;
  expect(await told(1_000)).toBe(100);
  expect(await told(1_500)).toBe(0);
  expect(await told(2_000)).toBe(8);
  expect(await told(2_001)).toBe(0);
  expect(await told(61_000)).toBe(8);
  expect(await told(61_001)).toBe(100);
});

test("a unit that meets further features tells of those alone", async () => {
  const { visit } = setUp();
  const told = async (path: string) => counts((await visit(path)).told)["exposure"] ?? 0;
  expect(await told("/")).toBe(100);
  expect(await told("/more")).toBe(1);
  expect(await told("/")).toBe(0);
  expect(await told("/more")).toBe(0);
});

test("of many requests a hundred a second are sampled, and of those at once twenty", async () => {
  const { visit } = setUp();
  const sampled = async (nowMs: number, requests: number): Promise<number> => {
    let found = 0;
    for (let i = 0; i < requests; i++) if ((await visit("/", { nowMs })).isSampled) found += 1;
    return found;
  };
  expect(await sampled(1_000, 300)).toBe(20);
  expect(await sampled(1_100, 300)).toBe(10);
  expect(await sampled(60_000, 300)).toBe(20);
});
