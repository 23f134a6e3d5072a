// What a change would do now, for a person who is asked to approve it. Nothing is written.
import type { FeatureId } from "../../shared/ids.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { ChangeTerms, PrepareChecked } from "./carry-out.ts";
import { diffOf, type FieldDiff } from "./change-diff.ts";
import type { ChangeError } from "./change-error.ts";
import type { Attribution, StepsOfChanges } from "./change-steps.ts";
import { givenFeature, newFeature } from "./new-feature.ts";
import type { ProposedChange } from "./proposed-change.ts";

export type ChangePreview = {
  /** In full: what a new feature does not name has its default. */
  readonly change: ProposedChange;
  /** The versions that it is about. null: the feature does not exist. */
  readonly base: readonly { readonly featureId: FeatureId; readonly version: number | null }[];
  readonly diff: readonly FieldDiff[];
};

export type PreviewChange = (
  change: ProposedChange,
  by: Attribution,
  terms?: Pick<ChangeTerms, "expectedVersion" | "guard">,
) => Promise<Result<ChangePreview, ChangeError>>;

const inFull = (change: ProposedChange): ProposedChange => {
  if (change.kind !== "create") return change;
  const { featureId, ...feature } = newFeature(givenFeature(change));
  return { kind: "create", featureId, feature };
};

export const makePreviewChange =
  ({
    steps,
    prepareChecked,
  }: {
    steps: Pick<StepsOfChanges, "ofProposed">;
    prepareChecked: PrepareChecked;
  }): PreviewChange =>
  async (change, by, { expectedVersion, guard } = {}) => {
    const { related, prepared } = await prepareChecked(steps.ofProposed(change, by, expectedVersion), guard);
    if (!prepared.ok) return prepared;
    return ok({
      change: inFull(change),
      base: prepared.value.map(({ featureId, expectedVersion: version }) => ({ featureId, version })),
      diff: diffOf(related, prepared.value),
    });
  };
