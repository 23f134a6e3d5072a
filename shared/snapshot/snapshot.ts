// All features at one revision, so that a request sees one state and never parts of two.
import type { FeatureState } from "../features/feature.ts";
import type { Revision } from "../ids.ts";

export type Snapshot = {
  readonly revision: Revision;
  readonly features: readonly FeatureState[];
};
