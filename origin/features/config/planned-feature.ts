// What a plan says of a feature, and what every kind of plan of one needs.
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import type { Rule } from "../../../shared/features/rule.ts";
import type { WrittenCondition } from "../../../shared/features/written-targeting.ts";
import type { Err } from "../../../shared/result.ts";
import type { ChangeError } from "../change-error.ts";
import type { FeatureChange } from "../commit-change.ts";
import { targetedBy } from "../prepare-change.ts";
import { expandErrorText } from "../segments/expand-targeting.ts";
import type { RelatedFeature } from "../related-features.ts";
import { versionsBefore, type PlannedDifference, type SegmentWorld } from "./plan-segments.ts";

export type PlannedFeature = {
  readonly featureId: FeatureId;
  /** null: it is in no file any more. */
  readonly file: string | null;
  /** `adopt`: only its owner changes. `keep`: nothing does, and there is something to know. */
  readonly action: "create" | "update" | "delete" | "adopt" | "release" | "keep";
  readonly changes: readonly PlannedDifference[];
  /** What the file does not change, and why. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly visitors: string | null;
  /** Of a feature that is open before and after, in the same epoch; null: it has no trial that goes on. */
  readonly epoch: number | null;
  readonly rules: { readonly before: Rule | null; readonly after: Rule | null };
  readonly holdouts: { readonly before: number; readonly after: number };
};

type FieldErrors = readonly { readonly field: string; readonly reason: string }[];
export type OnePlanned = {
  readonly planned: PlannedFeature;
  readonly change: FeatureChange | null;
  readonly isNamed: boolean;
  readonly errors: FieldErrors;
};

export const errorsOf = (...found: readonly (Err<ChangeError> | undefined)[]): FieldErrors =>
  found.flatMap((one) => (one?.error.reason === "invalid" ? one.error.errors : []));

export const ruleErrors = (found: Err<ChangeError> | undefined): FieldErrors =>
  errorsOf(found).map(({ field, reason }) => ({ field: `rule.${field}`, reason }));

export const shown = ({ enabled, rolloutBps }: { enabled: boolean; rolloutBps: number }) => ({
  enabled,
  rolloutBps,
});

/** The targeting of a file, made of the segments that it names. */
export const targetingOf = (written: WrittenCondition | null, world: SegmentWorld) => {
  const targeted = targetedBy(written, world.after);
  if (targeted.ok) {
    const { uses: _after, ...targeting } = targeted.value;
    const uses = versionsBefore(targeting.segments, world);
    return { targeting, uses, errors: [] };
  }
  const reason = expandErrorText(targeted.error);
  const none = { targeting: null, writtenTargeting: null, segments: [] };
  return { targeting: none, uses: [], errors: [{ field: "targeting", reason }] };
};

/** Segments whose condition changes and that the feature's targeting is made of. */
export const movedOf = ({ segments }: RelatedFeature, { moved }: SegmentWorld): readonly SegmentId[] =>
  segments.filter((segmentId) => moved.has(segmentId));

export const noteOfMoved = (moves: readonly SegmentId[]): string[] =>
  moves.length === 0
    ? []
    : [`its targeting changes with ${moves.length === 1 ? "segment" : "the segments"} ${moves.join(", ")}`];
