import { expect, test } from "vitest";
import { FeatureState } from "../../shared/features/feature.ts";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
import { plain, rich } from "./example-features.ts";

test("a wrong push is refused with the place and the field of every error", () => {
  const features = [plain, { ...plain, rolloutBps: -1 }, rich, { ...rich, version: 0, gate: 7 }, null];
  const { error } = PushMessage.safeParse({ revision: 1, full: true, features });
  expect(error?.issues.map(({ path }) => path.join("."))).toEqual([
    "features.1.rolloutBps",
    "features.3.version",
    "features.3.gate",
    "features.4",
  ]);
  expect(PushMessage.safeParse({ revision: 1, full: true, features: { 0: plain } }).success).toBe(false);
});

test("a pushed feature whose gate this edge does not understand is closed, and the others are not", () => {
  const strange = { ...rich, gate: { somethingNew: true } };
  const { features } = PushMessage.parse({ revision: 1, full: true, features: [plain, strange, rich] });
  expect(features).toEqual([plain, { ...rich, gate: null, enabled: false }, rich]);
});

const pushed = (fields: object): FeatureState | undefined =>
  PushMessage.parse({
    revision: 1,
    full: true,
    features: [{ featureId: "feat_x", enabled: true, rolloutBps: 10_000, version: 1, ...fields }],
  }).features[0];

test.each([
  ["targeting", { operator: "matches", attribute: "country", value: "D." }],
  ["gate", { teleport: true }],
  ["routes", [{ path: "/x", protocol: "h3" }]],
])("a pushed %s with words that this edge does not know closes the feature here", (field, value) => {
  expect(pushed({ [field]: value })).toMatchObject({ featureId: "feat_x", enabled: false });
});

test.each([null, {}, []])("%j means no targeting, no gate and no activation", (none) => {
  const fields = { targeting: none, gate: none, activation: none };
  expect(pushed(fields)).toMatchObject({ enabled: true, targeting: null, gate: null });
  const state = { featureId: "f", enabled: true, rolloutBps: 0, version: 1, ...fields };
  expect(FeatureState.parse(state)).toMatchObject({ targeting: null, gate: null });
});
