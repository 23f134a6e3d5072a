import { expect, test } from "vitest";
import { compileSnapshot } from "../../edge/features/compile-snapshot.ts";
import { evaluationContextOf } from "../../edge/features/evaluation-context.ts";
import { featuresOfRequest } from "../../edge/features/evaluate.ts";
import { readIncoming } from "../../edge/incoming-request.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { encodeFeature } from "../../shared/features/encoded-feature.ts";
import { Revision } from "../../shared/ids.ts";
import { feature } from "./support/edge.ts";

const toward = (country: string) => ({
  targeting: { attribute: "header:x-country", operator: "equals", value: country },
});
const states = [
  feature("feat_everyone"),
  feature("feat_de", toward("DE")),
  feature("feat_fr", { ...toward("FR"), failureMode: "closed" }),
  feature("feat_shop", { ...toward("DE"), routes: [{ path: "/shop" }] }),
].map((state) => encodeFeature(FeatureState.parse(state)));
const snapshot = compileSnapshot(Revision.parse(1), states);

const meet = (country: string, path = "/", stale = false) => {
  const request = new Request(`http://shop.test${path}`, { headers: { "X-Country": country } });
  const context = evaluationContextOf(readIncoming(request), path, null);
  return featuresOfRequest(snapshot, { path, method: "GET", context, stale, previewId: null });
};
const names = (country: string, path?: string, stale?: boolean): string[] =>
  meet(country, path, stale).map(({ featureId }) => featureId);

test("a request meets the features that are open, on its route and for it", () => {
  expect(names("DE")).toEqual(["feat_everyone", "feat_de"]);
  expect(names("DE", "/shop")).toEqual(["feat_everyone", "feat_de", "feat_shop"]);
  expect(names("FR")).toEqual(["feat_everyone", "feat_fr"]);
  expect(names("FR", "/", true)).toEqual(["feat_everyone"]);
  expect(names("IT")).toEqual(["feat_everyone"]);
});

test("requests that meet the same features get the same list, targeted or not", () => {
  expect(meet("DE")).toBe(meet("DE"));
  expect(meet("IT")).toBe(meet("ES"));
  expect(meet("DE")).not.toBe(meet("FR"));
});

test.each([
  ["a claim", { attribute: "claim:groups", operator: "equals", value: "staff" }, true],
  [
    "something else",
    { attribute: "country", operator: "equals", value: '"attribute":"claim:groups"' },
    false,
  ],
])("a token is verified when an enabled feature targets %s: %j → %s", (_, condition, isAsked) => {
  const targeting = { operator: "or", conditions: [{ operator: "not", condition }] };
  const of = (fields: Record<string, unknown>) =>
    compileSnapshot(Revision.parse(1), [
      encodeFeature(FeatureState.parse(feature("feat_a", { targeting, ...fields }))),
    ]);
  expect(of({}).asksForClaims).toBe(isAsked);
  expect(of({ enabled: false }).asksForClaims).toBe(false);
});
