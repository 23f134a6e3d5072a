// What a change of a segment does: the segment itself, and every feature that uses it, with its targeting made anew. Pure.
import type { WrittenCondition } from "../../../shared/features/written-targeting.ts";
import { MAX_SEGMENTS, segmentsNamedIn } from "../../../shared/features/written-targeting.ts";
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { FieldError } from "../change-error.ts";
import { canonicalJson } from "../change-diff.ts";
import type { FeatureChange, SegmentChange } from "../commit-change.ts";
import { changeOf, nextState, targetedBy, type Reason } from "../prepare-change.ts";
import type { RelatedFeature, RelatedFeatures } from "../related-features.ts";
import { closureOf, expandErrorText, expandTargeting } from "./expand-targeting.ts";
import type { Segment, Segments } from "./read-segments.ts";

export type SegmentError =
  | { readonly reason: "notFound"; readonly segmentId: SegmentId }
  | { readonly reason: "alreadyExists"; readonly have: number }
  | { readonly reason: "versionConflict"; readonly have: number }
  | {
      readonly reason: "inUse";
      readonly featureIds: readonly FeatureId[];
      readonly segmentIds: readonly SegmentId[];
    }
  | { readonly reason: "tooMany"; readonly limit: number }
  | { readonly reason: "invalid"; readonly errors: readonly FieldError[] };

export type SegmentTarget = {
  readonly segmentId: SegmentId;
  readonly expectedVersion?: number | undefined;
};
/** What is not named stays as it is. */
export type SegmentEdit = {
  readonly condition?: WrittenCondition | undefined;
  readonly description?: string | null | undefined;
};

export type PreparedSegment = {
  readonly segment: SegmentChange;
  readonly features: readonly FeatureChange[];
  /** Features among them whose people are counted. */
  readonly onTrial: readonly FeatureId[];
};

/** What is stored, and all features that use the segment. */
export type SegmentState = { readonly segments: Segments; readonly users: RelatedFeatures };

const shown = (segment: Pick<Segment, "condition" | "description"> | undefined) =>
  segment === undefined ? null : { condition: segment.condition, description: segment.description };

const versionsOf = (segmentIds: readonly SegmentId[], segments: Segments) =>
  segmentIds.map((segmentId) => ({
    segmentId,
    expectedVersion: segments.get(segmentId)?.version ?? null,
  }));

const isOnTrial = ({ state, ruleVersion }: RelatedFeature): boolean => state.enabled && ruleVersion !== null;

/** The segments that name this one, also through others. */
const dependentsOf = (segmentId: SegmentId, segments: Segments): Segment[] =>
  [...segments.values()].filter(
    (other) =>
      other.segmentId !== segmentId &&
      closureOf(segmentsNamedIn(other.condition), segments).includes(segmentId),
  );

const conditionError = (reason: string) =>
  err({ reason: "invalid", errors: [{ field: "condition", reason }] } as const);

/** Why the segments could not be as `after` has them; null: they can. */
const segmentsError = (segmentId: SegmentId, condition: WrittenCondition, after: Segments): string | null => {
  // By its own name, so that a circle is shown from here to here.
  const own = expandTargeting({ segment: segmentId }, after);
  if (!own.ok)
    return expandErrorText(
      own.error.reason === "unknownSegment" ? { ...own.error, path: own.error.path.slice(1) } : own.error,
    );
  for (const other of dependentsOf(segmentId, after)) {
    const expanded = expandTargeting(other.condition, after);
    if (!expanded.ok) return `segment ${other.segmentId}: ${expandErrorText(expanded.error)}`;
  }
  return null;
};

const moveFeatures = (
  segmentId: SegmentId,
  { users, segments }: SegmentState,
  after: Segments,
  reason: string,
): Result<FeatureChange[], SegmentError> => {
  const changes: FeatureChange[] = [];
  const wrong: string[] = [];
  for (const record of users.values()) {
    const targeted = targetedBy(record.targeting, after);
    if (!targeted.ok) {
      wrong.push(`feature ${record.state.featureId}: ${expandErrorText(targeted.error)}`);
      continue;
    }
    const { uses, ...targeting } = targeted.value;
    changes.push({
      ...changeOf(record, {
        kind: "update",
        reason: `segment ${segmentId}: ${reason}`,
        details: { segment: segmentId },
        next: { ...nextState(record), ...targeting },
      }),
      uses: versionsOf(
        uses.map((use) => use.segmentId),
        segments,
      ),
    });
  }
  return wrong.length > 0 ? conditionError(wrong.join("; ")) : ok(changes);
};

const find = (
  segments: Segments,
  { segmentId, expectedVersion }: SegmentTarget,
): Result<Segment, SegmentError> => {
  const segment = segments.get(segmentId);
  if (segment === undefined) return err({ reason: "notFound", segmentId });
  if (expectedVersion !== undefined && expectedVersion !== segment.version)
    return err({ reason: "versionConflict", have: segment.version });
  return ok(segment);
};

const prepareNext = (
  state: SegmentState,
  before: Segment | undefined,
  next: Pick<Segment, "segmentId" | "condition" | "description">,
  { reason }: Reason,
): Result<PreparedSegment, SegmentError> => {
  const { segments } = state;
  const { segmentId, condition, description } = next;
  const now = new Date(0);
  const after = new Map(segments).set(segmentId, {
    version: 0,
    createdAt: now,
    updatedAt: now,
    ...before,
    ...next,
  });
  const error = segmentsError(segmentId, condition, after);
  if (error !== null) return conditionError(error);
  const moves = before === undefined || canonicalJson(before.condition) !== canonicalJson(condition);
  const features = moves ? moveFeatures(segmentId, state, after, reason) : ok([]);
  if (!features.ok) return features;
  const uses = segmentsNamedIn(condition);
  const others = closureOf(uses, segments).filter((other) => other !== segmentId);
  return ok({
    segment: {
      segmentId,
      expectedVersion: before?.version ?? null,
      reason,
      moves,
      details: {
        segmentId,
        from: shown(before),
        to: shown(next),
        features: features.value.map(({ featureId }) => featureId),
      },
      next: { condition, description, uses },
      uses: versionsOf(others, segments),
    },
    features: features.value,
    onTrial: features.value.length === 0 ? [] : trialsOf(state.users),
  });
};

const trialsOf = (users: RelatedFeatures): FeatureId[] =>
  [...users.values()].filter(isOnTrial).map(({ state }) => state.featureId);

export const prepareNewSegment = (
  state: SegmentState,
  given: Pick<Segment, "segmentId" | "condition" | "description">,
  by: Reason,
): Result<PreparedSegment, SegmentError> => {
  const existing = state.segments.get(given.segmentId);
  if (existing !== undefined) return err({ reason: "alreadyExists", have: existing.version });
  if (state.segments.size >= MAX_SEGMENTS) return err({ reason: "tooMany", limit: MAX_SEGMENTS });
  return prepareNext(state, undefined, given, by);
};

export const prepareSegmentEdit = (
  state: SegmentState,
  target: SegmentTarget,
  edit: SegmentEdit,
  by: Reason,
): Result<PreparedSegment, SegmentError> => {
  const found = find(state.segments, target);
  if (!found.ok) return found;
  const before = found.value;
  const next = {
    segmentId: before.segmentId,
    condition: edit.condition ?? before.condition,
    description: edit.description === undefined ? before.description : edit.description,
  };
  return prepareNext(state, before, next, by);
};

/** A segment that is used stays: without it nobody could say whom its features target. */
export const prepareSegmentDeletion = (
  { segments, users }: SegmentState,
  target: SegmentTarget,
  { reason }: Reason,
): Result<PreparedSegment, SegmentError> => {
  const found = find(segments, target);
  if (!found.ok) return found;
  const { segmentId, version } = found.value;
  const naming = [...segments.values()].filter(({ condition }) =>
    segmentsNamedIn(condition).includes(segmentId),
  );
  if (users.size > 0 || naming.length > 0)
    return err({
      reason: "inUse",
      featureIds: [...users.keys()],
      segmentIds: naming.map((segment) => segment.segmentId),
    });
  return ok({
    segment: {
      segmentId,
      expectedVersion: version,
      reason,
      moves: true,
      details: { segmentId, from: shown(found.value), to: null, features: [] },
      next: null,
      uses: [],
    },
    features: [],
    onTrial: [],
  });
};
