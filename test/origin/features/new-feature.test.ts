import { expect, test } from "vitest";
import { newFeature, newFeatureWarnings } from "../../../origin/features/new-feature.ts";
import { FeatureId } from "../../../shared/ids.ts";

const featureId = FeatureId.parse("a");

test("a feature of which only the id is given is closed, for everyone and everywhere, and holds out a tenth", () => {
  expect(newFeature({ featureId })).toEqual({
    featureId: "a",
    enabled: false,
    rolloutBps: 0,
    holdoutBps: 1_000,
    unit: "visitor",
    failureMode: "static",
    private: false,
    targeting: null,
    routes: [],
    gate: null,
    activation: null,
    tags: [],
    requires: [],
    owner: null,
    description: null,
    link: null,
    removeAfter: null,
    lockdown: false,
    rule: null,
  });
});

test("every field that is given stays as it is given", () => {
  const given = { featureId, enabled: true, rolloutBps: 2_000, holdoutBps: 8_000, tags: ["checkout"] };
  expect(newFeature(given)).toMatchObject(given);
});

test.each([
  [9_000, 1_000],
  [9_500, 500],
  [10_000, 0],
])("the default holdout beside a rollout of %d is %d", (rolloutBps, holdoutBps) => {
  expect(newFeature({ featureId, rolloutBps }).holdoutBps).toBe(holdoutBps);
});

const warningsFor = (given: { rolloutBps?: number; holdoutBps?: number }) =>
  newFeatureWarnings({ featureId, ...given }, newFeature({ featureId, ...given }));

test("a holdout below the default is pointed out, unless the person named it", () => {
  expect(warningsFor({})).toEqual([]);
  expect(warningsFor({ rolloutBps: 9_000 })).toEqual([]);
  expect(warningsFor({ rolloutBps: 9_999 })).toEqual([
    "holdoutBps is 1 and not the default of 1000, because rolloutBps 9999 leaves no more",
  ]);
  expect(warningsFor({ rolloutBps: 10_000 })).toEqual([
    "holdoutBps is 0 and not the default of 1000, because rolloutBps 10000 leaves no more: there is nobody to compare with",
  ]);
  expect(warningsFor({ rolloutBps: 10_000, holdoutBps: 0 })).toEqual([]);
});
