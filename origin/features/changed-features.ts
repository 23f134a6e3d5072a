// What a committed change tells its caller: the revision, and the features as they are now. Pure.
import type { FeatureId, Revision } from "../../shared/ids.ts";
import type { FeatureState } from "../../shared/features/feature.ts";
import type { CommittedChange } from "./carry-out.ts";

export type ChangedFeature = {
  readonly state: FeatureState;
  readonly revision: Revision;
  readonly version: number;
  /** The rule's version, when the change set one. */
  readonly ruleVersion: number | null;
  /** Time of the commit by the database's clock. */
  readonly at: Date;
};

export type ChangedFeatures = {
  readonly revision: Revision;
  readonly at: Date;
  readonly features: readonly { readonly featureId: FeatureId; readonly version: number }[];
};

/** Of the feature that the change names, without those that it closed beside it. */
export const changedFeature = ({ committed, changes }: CommittedChange): ChangedFeature => {
  const change = changes[0];
  const feature = committed.features[0];
  if (change === undefined || feature === undefined || change.next === null)
    throw new Error("a committed change has no feature");
  const {
    writtenTargeting: _writtenTargeting,
    segments: _segments,
    tags: _tags,
    requires: _requires,
    owner: _owner,
    description: _description,
    link: _link,
    removeAfter: _removeAfter,
    lockdown: _lockdown,
    rolloutBeforeBps: _rolloutBeforeBps,
    rollbackReason: _rollbackReason,
    latched: _latched,
    ...edge
  } = change.next;
  const { epoch, version, ruleVersion } = feature;
  return {
    state: { ...edge, featureId: change.featureId, epoch, version },
    revision: committed.revision,
    version,
    ruleVersion,
    at: committed.at,
  };
};

export const changedFeatures = ({
  revision,
  at,
  features,
}: CommittedChange["committed"]): ChangedFeatures => ({
  revision,
  at,
  features: features.map(({ featureId, version }) => ({ featureId, version })),
});
