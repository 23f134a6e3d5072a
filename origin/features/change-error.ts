// Why a change of a feature is refused. The admin API turns each reason into a status and a sentence.
import type { FeatureId } from "../../shared/ids.ts";

export type FieldError = { readonly field: string; readonly reason: string };

/** Of one feature, before and after a change. */
export type TagsOfChange = {
  /** null: the feature does not exist. */
  readonly before: readonly string[] | null;
  /** null: it is deleted. */
  readonly after: readonly string[] | null;
};

export type ChangeError =
  | { readonly reason: "notFound"; readonly featureId: FeatureId }
  | { readonly reason: "alreadyExists"; readonly have: number }
  | { readonly reason: "versionConflict"; readonly have: number }
  /** A person opened the feature since: the decision was about an earlier epoch. */
  | { readonly reason: "epochConflict"; readonly have: number }
  | { readonly reason: "alreadyClosed"; readonly have: number }
  | { readonly reason: "alreadyOpen"; readonly have: number }
  /** The feature requires these, and they are closed. */
  | { readonly reason: "requirementClosed"; readonly featureIds: readonly FeatureId[] }
  /** These require the feature. */
  | { readonly reason: "requiredBy"; readonly featureIds: readonly FeatureId[] }
  /** All features together would have `bytes`, more than the edges take. */
  | { readonly reason: "tooLarge"; readonly bytes: number; readonly limit: number }
  /** The caller may change features with other tags only than these have. */
  | { readonly reason: "foreignTags"; readonly featureIds: readonly FeatureId[] }
  /** A second person has to approve the change, because of these tags. */
  | {
      readonly reason: "approvalNeeded";
      readonly tags: readonly string[];
      readonly featureTags: readonly TagsOfChange[];
    }
  /** The features are locked down while their trials are undecided. */
  | { readonly reason: "lockedDown"; readonly featureIds: readonly FeatureId[] }
  /** The feature was rolled back or deleted after the schedule was made. */
  | {
      readonly reason: "overruled";
      readonly action: string;
      readonly at: Date;
      readonly actor: string;
      readonly why: string;
    }
  | { readonly reason: "invalid"; readonly errors: readonly FieldError[] };
