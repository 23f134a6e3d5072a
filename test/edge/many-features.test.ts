import { beforeAll, expect, test } from "vitest";
import { compile } from "../../edge/features/compile.ts";
import { gate } from "../../edge/features/evaluate.ts";
import { newIdentity } from "../../edge/visitor/cookie.ts";
import { MAX_STICKY } from "../../shared/signing/cookie.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { Revision, UnitId } from "../../shared/ids.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, recorded } from "./support/edge.ts";

const many = Array.from({ length: MAX_STICKY + 30 }, (_, i) => `feat_many_${String(i).padStart(3, "0")}`);

beforeAll(async () => {
  await push({ revision: 1, full: true, features: many.map((name) => feature(name)) });
});

test("of more features than a cookie holds all are gated, those it holds are counted, and it is set once", async () => {
  const first = await edge("/");
  const seen = await echoed(first);
  expect(headerOf(seen, "Sluice-Features")?.split(", ")).toHaveLength(many.length);
  const again = await edge("/", { headers: { Cookie: cookieOf(first) } });
  expect(headerOf(await echoed(again), "Sluice-Features")).toBe(headerOf(seen, "Sluice-Features"));
  expect(again.headers.getSetCookie()).toEqual([]);
  const unit = headerOf(seen, "Sluice-Unit") ?? "";
  const reported = async (): Promise<ReadonlySet<string>> => {
    const posts = (await recorded(unit)).filter(({ url }) => url === "/v1/traces");
    return new Set(posts.flatMap(({ body }) => body.match(/feat_many_\d{3}/g) ?? []));
  };
  await expect.poll(async () => (await reported()).size, { timeout: 10_000 }).toBe(MAX_STICKY);
  expect([...(await reported())].toSorted()).toEqual(many.slice(0, MAX_STICKY));
});

test("what is remembered of visitors is bounded by what they met, and they get the same again", () => {
  const thousand = Array.from({ length: 1_000 }, (_, i) =>
    encodeFeature(FeatureState.parse(feature(`feat_${i}`))),
  );
  const { features } = compile(Revision.parse(1), thousand);
  const visitors = Array.from({ length: 1_100 }, (_, i) => ({
    ...newIdentity(),
    unitId: UnitId.parse(`unit-${i}`),
    signed: { day: 1, kid: "k" },
  }));
  const [first] = visitors.map((visitor) => gate(features, visitor).header);
  const remembered = visitors.filter(({ memo }) => memo !== null);
  expect(remembered.length).toBeGreaterThan(0);
  expect(remembered.length).toBeLessThan(1_000);
  expect(visitors.slice(0, 1).map((visitor) => gate(features, visitor).header)).toEqual([first]);
});
