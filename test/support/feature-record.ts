// Features as the origin keeps them, for tests of rules that need no database.
import { NO_OPERATOR_FIELDS } from "../../shared/features/operator-fields.ts";
import type { RelatedFeature, RelatedFeatures } from "../../origin/features/related-features.ts";
import { FeatureState } from "../../shared/features/feature.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";

type Fields = Partial<Omit<RelatedFeature, "state" | "requires">> & {
  readonly state?: Partial<FeatureState>;
  readonly requires?: readonly string[];
};

/** An open feature at version 3 of epoch 2, with half of everyone and a tenth as holdout, unless `fields` says else. */
export const recordOf = (
  featureId: string,
  { state, requires = [], ...fields }: Fields = {},
): RelatedFeature => ({
  state: {
    ...FeatureState.parse({
      featureId,
      enabled: true,
      rolloutBps: 5_000,
      holdoutBps: 1_000,
      epoch: 2,
      version: 3,
    }),
    ...state,
  },
  revision: Revision.parse(7),
  epochStartedAt: new Date(0),
  targeting: state?.targeting ?? null,
  segments: [],
  tags: [],
  ...NO_OPERATOR_FIELDS,
  isUndecided: false,
  requires: requires.map((id) => FeatureId.parse(id)),
  rolloutBeforeBps: null,
  rollbackReason: null,
  rolledBackAt: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  ruleVersion: null,
  managedBy: null,
  rule: null,
  ...fields,
});

/** A feature that was rolled back from a rollout of 40 %. */
export const rolledBackRecordOf = (featureId: string): RelatedFeature =>
  recordOf(featureId, {
    state: { enabled: false, rolloutBps: 0 },
    rolloutBeforeBps: 4_000,
    rollbackReason: "too slow",
    rolledBackAt: new Date(1),
  });

export const relatedOf = (...records: readonly RelatedFeature[]): RelatedFeatures =>
  new Map(records.map((record) => [record.state.featureId, record]));
