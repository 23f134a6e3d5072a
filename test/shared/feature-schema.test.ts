import { describe, expect, test } from "vitest";
import { Activation, FeatureState, isNone } from "../../shared/features/feature.ts";
import { issuesOf } from "../support/issues.ts";

const least = { featureId: "feat_a", enabled: true, rolloutBps: 2_000, version: 1 };

const wrongFields = (fields: object): string[] =>
  issuesOf(FeatureState, { ...least, ...fields }).map((issue) => issue.split(":")[0] ?? "");

test("of a feature the id, whether it is open, its rollout and its version must be there; the rest has defaults", () => {
  expect(FeatureState.parse(least)).toEqual({
    ...least,
    holdoutBps: 0,
    epoch: 1,
    unit: "visitor",
    failureMode: "static",
    private: false,
    targeting: null,
    routes: [],
    gate: null,
    activation: null,
  });
  for (const field of Object.keys(least)) expect(wrongFields({ [field]: undefined })).toEqual([field]);
});

test("rollout and holdout together are at most everyone", () => {
  expect(wrongFields({ rolloutBps: 9_000, holdoutBps: 1_000 })).toEqual([]);
  expect(issuesOf(FeatureState, { ...least, rolloutBps: 9_000, holdoutBps: 1_001 })).toEqual([
    "holdoutBps: rolloutBps + holdoutBps must be at most 10000",
  ]);
  expect(wrongFields({ rolloutBps: 1_001, holdoutBps: 9_000 })).toEqual(["holdoutBps"]);
});

test.each([
  [{ epoch: 1, version: 1 }, []],
  [{ epoch: 0 }, ["epoch"]],
  [{ epoch: 1.5 }, ["epoch"]],
  [{ version: 0 }, ["version"]],
  [{ version: 1.5 }, ["version"]],
  [{ enabled: "true" }, ["enabled"]],
  [{ failureMode: "static" }, []],
  [{ failureMode: "closed" }, []],
  [{ failureMode: "open" }, ["failureMode"]],
  [{ unit: "visitor" }, []],
  [{ unit: "user" }, []],
  [{ unit: "account" }, ["unit"]],
  [{ later: 1 }, [""]],
  [{ targeting: { attribute: "country", operator: "equals", value: "DE" } }, []],
  [{ targeting: { attribute: "shoe", operator: "equals", value: 7 } }, ["targeting.attribute"]],
  [{ routes: [{ path: "/shop" }] }, []],
  [{ routes: [{ path: "shop" }] }, ["routes.0.path"]],
  [{ gate: { path: "/next" } }, []],
  [{ gate: { path: "next" } }, ["gate.path"]],
  [{ activation: { path: "/buy" } }, []],
  [{ activation: { path: "buy" } }, ["activation.path"]],
])("in %j the wrong fields are %j", (fields, wrong) => {
  expect(wrongFields(fields)).toEqual(wrong);
});

test.each([null, undefined, {}, []])("%j is none", (value) => {
  expect(isNone(value)).toBe(true);
  expect(FeatureState.parse({ ...least, targeting: value, gate: value, activation: value })).toMatchObject({
    targeting: null,
    gate: null,
    activation: null,
  });
});

test.each([0, "", false, [0], { a: undefined }, "text", 7])("%j is something", (value) => {
  expect(isNone(value)).toBe(false);
});

describe("the request that is an activation", () => {
  test("is a POST unless another method is named, with any status below 400 unless one is", () => {
    expect(Activation.parse({ path: "/buy" })).toEqual({ path: "/buy", method: "POST" });
    expect(Activation.parse({ path: "/buy", method: "GET", status: 201 })).toEqual({
      path: "/buy",
      method: "GET",
      status: 201,
    });
  });

  test.each([
    [{}, "path"],
    [{ path: "/buy", method: "post" }, "method"],
    [{ path: "/buy", method: "xPOST" }, "method"],
    [{ path: "/buy", method: "POSTx" }, "method"],
    [{ path: "/buy", method: "" }, "method"],
    [{ path: "/buy", status: 99 }, "status"],
    [{ path: "/buy", status: 600 }, "status"],
    [{ path: "/buy", status: 200.5 }, "status"],
    [{ path: "/buy", code: 200 }, ""],
  ])("%j is refused for its %s", (activation, field) => {
    expect(issuesOf(Activation, activation).map((issue) => issue.split(":")[0])).toEqual([field]);
  });

  test.each([100, 599])("may need the status %d", (status) => {
    expect(issuesOf(Activation, { path: "/buy", status })).toEqual([]);
  });
});
