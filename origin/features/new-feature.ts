// A new feature in full: what a person gave, and a default for everything else.
import type { FeatureState } from "../../shared/features/feature.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Rule } from "../../shared/features/rule.ts";

/** The parts of a feature's state that an edit may name; opening and closing have functions of their own. */
export type FeatureEdit = Omit<FeatureState, "featureId" | "enabled" | "epoch" | "version"> & {
  readonly tags: readonly string[];
  readonly requires: readonly FeatureId[];
};

export type NewFeature = FeatureEdit & {
  readonly featureId: FeatureId;
  readonly enabled: boolean;
  readonly rule: Rule | null;
};

export type GivenFeature = { readonly featureId: FeatureId } & Partial<NewFeature>;

/**
 * Closed, for nobody, with a tenth of everyone as holdout (or what a larger rollout leaves of it): making a feature
 * shows it to no one. Enable opens it.
 */
export const newFeature = (given: GivenFeature): NewFeature => ({
  enabled: false,
  rolloutBps: 0,
  holdoutBps: Math.min(1_000, 10_000 - (given.rolloutBps ?? 0)),
  failureMode: "static",
  targeting: null,
  routes: [],
  gate: null,
  activation: null,
  tags: [],
  requires: [],
  rule: null,
  ...given,
});
