// What may refuse a change that is well formed: the caller's tags, tags that ask for a second person, and a lockdown. Asked of the
// very features that the change is committed on. A rollback, or the pause of a ramp, is refused for the caller's tags alone. Pure.
import type { FeatureId } from "../../shared/ids.ts";
import { err, type Err } from "../../shared/result.ts";
import type { ChangeError, TagsOfChange } from "./change-error.ts";
import type { FeatureChange } from "./commit-change.ts";
import type { RelatedFeatures } from "./related-features.ts";

/** A prepared change and the stored features that it was prepared from. */
export type PreparedChange = {
  readonly related: RelatedFeatures;
  readonly changes: readonly FeatureChange[];
};

/**
 * May refuse a prepared change. It is committed only if the features are still as the guard saw them, and else prepared and
 * asked again.
 */
export type ChangeGuard = (
  prepared: PreparedChange,
) => Err<ChangeError> | undefined | Promise<Err<ChangeError> | undefined>;

/** What holds a change back, and can be forced with a reason. */
export type Hold = "approvalNeeded" | "lockedDown";

export type Permission = {
  /** The caller may change features with one of these tags only. null: any feature. */
  readonly ownTags: readonly string[] | null;
  /** Changes of features with one of these need a second person. */
  readonly approvalTags: readonly string[];
  /** Holds that this change is let through. */
  readonly passes: ReadonlySet<Hold>;
};

type TagsOfFeature = TagsOfChange & { readonly featureId: FeatureId };

/** Of each feature that the change names; what a rollback closes beside them is not asked for. */
export const tagsOfChange = ({ related, changes }: PreparedChange): TagsOfFeature[] =>
  changes
    .filter(({ details }) => details["because"] === undefined)
    .map(({ featureId, next }) => ({
      featureId,
      before: related.get(featureId)?.tags ?? null,
      after: next?.tags ?? null,
    }));

const owns = (ownTags: readonly string[] | null, tags: readonly string[] | null): boolean =>
  ownTags === null || tags === null || ownTags.some((tag) => tags.includes(tag));

/** Also what it would become: else a caller could give a feature to others and not take it back. */
export const ownsChange = (ownTags: readonly string[] | null, { before, after }: TagsOfChange): boolean =>
  owns(ownTags, before) && owns(ownTags, after);

export const checkTags = (
  touched: readonly TagsOfFeature[],
  waitsForNobody: boolean,
  { ownTags, approvalTags, passes }: Permission,
): Err<ChangeError> | undefined => {
  const foreign = touched.filter((tags) => !ownsChange(ownTags, tags));
  if (foreign.length > 0)
    return err({ reason: "foreignTags", featureIds: foreign.map(({ featureId }) => featureId) });
  if (waitsForNobody || passes.has("approvalNeeded")) return undefined;
  const named = new Set(touched.flatMap(({ before, after }) => [...(before ?? []), ...(after ?? [])]));
  const tags = approvalTags.filter((tag) => named.has(tag));
  return tags.length === 0
    ? undefined
    : err({
        reason: "approvalNeeded",
        tags,
        featureTags: touched.map(({ before, after }) => ({ before, after })),
      });
};

const checkLockdown = (
  { related, changes }: PreparedChange,
  { passes }: Permission,
): Err<ChangeError> | undefined => {
  const locked = changes
    .filter(({ kind, pausesRamp }) => kind !== "rollback" && pausesRamp === undefined)
    .map(({ featureId }) => related.get(featureId))
    .filter((feature) => feature !== undefined)
    .filter(({ lockdown, isUndecided }) => lockdown && isUndecided);
  return locked.length === 0 || passes.has("lockedDown")
    ? undefined
    : err({ reason: "lockedDown", featureIds: locked.map(({ state }) => state.featureId) });
};

/** It closes features or pauses a ramp, and does nothing else: such a change waits for nobody. */
export const isRetreat = (changes: readonly FeatureChange[]): boolean =>
  changes.every(({ kind, pausesRamp }) => kind === "rollback" || pausesRamp === true);

export const checkPermission = (
  prepared: PreparedChange,
  permission: Permission,
): Err<ChangeError> | undefined => {
  const touched = tagsOfChange(prepared);
  return checkTags(touched, isRetreat(prepared.changes), permission) ?? checkLockdown(prepared, permission);
};
