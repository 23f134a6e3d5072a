import { beforeAll, expect, test } from "vitest";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import { makeEvaluationCache } from "../../edge/features/evaluation-cache.ts";
import { newIdentity } from "../../edge/visitor/identity.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { Revision, UnitId } from "../../shared/ids.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

const many = Array.from({ length: 130 }, (_, i) => `feat_many_${String(i).padStart(3, "0")}`);

beforeAll(async () => {
  await push({ revision: 1, full: true, features: many.map((name) => feature(name)) });
});

test("a visitor of many features gets them all, is counted for all of them, and gets one short cookie", async () => {
  const first = await edge("/");
  const seen = await echoed(first);
  expect(headerOf(seen, "Sluice-Features")?.split(", ")).toHaveLength(many.length);
  const again = await edge("/", { headers: { Cookie: cookieOf(first) } });
  expect(headerOf(await echoed(again), "Sluice-Features")).toBe(headerOf(seen, "Sluice-Features"));
  expect(again.headers.getSetCookie()).toEqual([]);
  expect(cookieOf(first).length).toBeLessThan(120);
  const unit = headerOf(seen, "Sluice-Unit") ?? "";
  const reported = async (): Promise<ReadonlySet<string>> => {
    const posts = (await recorded(unit)).filter(({ url }) => url === "/v1/traces");
    return new Set(posts.flatMap(({ body }) => body.match(/feat_many_\d{3}/g) ?? []));
  };
  await expect.poll(async () => (await reported()).size, { timeout: 10_000 }).toBe(many.length);
  expect([...(await reported())].toSorted()).toEqual(many);
});

test("an upstream is told 4,096 bytes of features, and the others are closed instead of breaking the site", async () => {
  const html = { html: { flags: true } };
  const names = Array.from({ length: 600 }, (_, i) => `feat_without_a_route_${String(i).padStart(4, "0")}`);
  await push({ revision: 2, full: true, features: names.map((name) => feature(name, { gate: html })) });
  const told = headerOf(await echoed(await edge("/")), "Sluice-Features") ?? "";
  expect(told.length).toBeGreaterThan(4_050);
  expect(told.length).toBeLessThanOrEqual(4_096);
  const fitting = told.split(", ");
  expect(fitting.every((each) => /^feat_without_a_route_\d{4}=treatment$/.test(each))).toBe(true);
  const page = await (await edge("/as-told?body=%3Chead%3E%3C%2Fhead%3E")).text();
  expect(page.match(/:true/g)).toHaveLength(fitting.length);
  expect(page.match(/:false/g)).toHaveLength(600 - fitting.length);
});

test("cached evaluations are bounded by the features in them, and a visitor gets the same again", () => {
  const thousand = Array.from({ length: 1_000 }, (_, i) =>
    encodeFeature(FeatureState.parse(feature(`feat_${i}`))),
  );
  const { features } = compileSnapshot(Revision.parse(1), thousand);
  const visitors = Array.from({ length: 5_000 }, (_, i) => ({
    ...newIdentity(),
    visitorId: UnitId.parse(`unit-${i}`),
    signed: { day: 1, kid: "k" },
  }));
  const { evaluate, size } = makeEvaluationCache();
  const [first] = visitors.map((visitor) => evaluate(features, visitor));
  expect(size()).toBeGreaterThan(0);
  expect(size()).toBeLessThan(1_000_000);
  const [again] = visitors.slice(0, 1).map((visitor) => evaluate(features, visitor));
  expect(again).not.toBe(first);
  expect(again).toEqual(first);
  const last = visitors.slice(-1).map((visitor) => evaluate(features, visitor));
  expect(visitors.slice(-1).map((visitor) => evaluate(features, visitor))[0]).toBe(last[0]);
});
