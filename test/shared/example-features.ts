// A feature with everything that a feature can have, and one with nothing beside its base fields.
import { FeatureState } from "../../shared/features/feature.ts";

export const rich = FeatureState.parse({
  featureId: "feat_a",
  enabled: true,
  rolloutBps: 5_000,
  version: 3,
  targeting: { attribute: "claim:plan", operator: "in", values: ["pro", 7, true] },
  routes: [{ path: "/shop/:id", methods: ["GET"] }, { path: "/cart" }],
  gate: { path: "/next/:id", whenClosed: { action: "redirect", to: "/" }, html: { flags: true } },
  activation: { path: "/buy" },
});
export const plain = FeatureState.parse({ featureId: "feat_b", enabled: true, rolloutBps: 0, version: 1 });
