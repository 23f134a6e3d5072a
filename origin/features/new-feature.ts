// A new feature in full: what a person gave, and a default for everything else.
import type { FeatureState } from "../../shared/features/feature.ts";
import type { WrittenCondition } from "../../shared/features/written-targeting.ts";
import type { FeatureId } from "../../shared/ids.ts";
import type { Rule } from "../../shared/features/rule.ts";
import { NO_OPERATOR_FIELDS, type OperatorFields } from "../../shared/features/operator-fields.ts";

/** The parts of a feature's state that an edit may name; opening and closing have functions of their own. */
export type FeatureEdit = Omit<FeatureState, "featureId" | "enabled" | "epoch" | "version" | "targeting"> &
  OperatorFields & {
    readonly targeting: WrittenCondition | null;
    readonly tags: readonly string[];
    readonly requires: readonly FeatureId[];
  };

export type NewFeature = FeatureEdit & {
  readonly featureId: FeatureId;
  readonly enabled: boolean;
  readonly rule: Rule | null;
};

export type GivenFeature = { readonly featureId: FeatureId } & Partial<NewFeature>;

/** What a proposed change gives of a feature that is to be made. */
export const givenFeature = ({
  featureId,
  feature,
}: {
  readonly featureId: FeatureId;
  readonly feature: Omit<GivenFeature, "featureId">;
}): GivenFeature => ({ featureId, ...feature });

const DEFAULT_HOLDOUT_BPS = 1_000;

/**
 * Closed, at no rollout, with a tenth of everyone as holdout, or less where the rollout leaves less. So a new feature is
 * shown to nobody until it is enabled.
 */
export const newFeature = (given: GivenFeature): NewFeature => ({
  enabled: false,
  rolloutBps: 0,
  holdoutBps:
    given.rolloutBps === undefined
      ? DEFAULT_HOLDOUT_BPS
      : Math.min(DEFAULT_HOLDOUT_BPS, 10_000 - given.rolloutBps),
  unit: "visitor",
  failureMode: "static",
  private: false,
  targeting: null,
  routes: [],
  gate: null,
  activation: null,
  tags: [],
  requires: [],
  ...NO_OPERATOR_FIELDS,
  rule: null,
  ...given,
});

/** Sentences about defaults that a person may not expect. */
export const newFeatureWarnings = (
  given: GivenFeature,
  { rolloutBps, holdoutBps }: NewFeature,
): readonly string[] =>
  given.holdoutBps === undefined && holdoutBps < DEFAULT_HOLDOUT_BPS
    ? [
        `holdoutBps is ${holdoutBps} and not the default of ${DEFAULT_HOLDOUT_BPS}, because rolloutBps ${rolloutBps} ` +
          `leaves no more${holdoutBps === 0 ? ": there is nobody to compare with" : ""}`,
      ]
    : [];
