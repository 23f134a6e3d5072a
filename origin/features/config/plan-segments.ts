// What configuration files would change of segments: those that stand in them, and those that left them. Pure. The features that
// change with a segment are planned from `after` and `moved` (plan-config.ts), and both are committed together.
import type { FeatureId, SegmentId } from "../../../shared/ids.ts";
import { MAX_SEGMENTS, segmentsNamedIn } from "../../../shared/features/written-targeting.ts";
import type { SegmentChange, SegmentVersion } from "../commit-change.ts";
import {
  closureOf,
  expandErrorText,
  expandTargeting,
  type SegmentParts,
} from "../segments/expand-targeting.ts";
import type { Segments } from "../segments/read-segments.ts";
import type { SegmentOwners } from "../segments/segment-owners.ts";
import type { Config, ConfigSegment } from "./applied-fields.ts";
import { differences, type Difference } from "./difference.ts";
import { isSame } from "./same-value.ts";

/** `hand`: it was changed by other means since the last apply, and the file takes it back. */
export type PlannedDifference = Difference & { readonly by: "file" | "hand" };

export type PlannedSegment = {
  readonly segmentId: SegmentId;
  /** null: it is in no file any more. */
  readonly file: string | null;
  readonly action: "create" | "update" | "delete" | "adopt" | "release" | "keep";
  readonly changes: readonly PlannedDifference[];
  /** Features whose targeting changes with it, and those among them whose people are counted. */
  readonly features: readonly FeatureId[];
  readonly onTrial: readonly FeatureId[];
  readonly notes: readonly string[];
};

export type OneSegment = { readonly planned: PlannedSegment; readonly change: SegmentChange | null };

export type SegmentWorld = {
  readonly before: Segments;
  /** With the conditions of the files. What left the files is still there. */
  readonly after: SegmentParts;
  /** Segments whose condition changes: every user of them has to be in the plan. */
  readonly moved: ReadonlySet<SegmentId>;
};

type FieldErrors = readonly { readonly field: string; readonly reason: string }[];

/** As they are before the plan: that is what the commit compares. */
export const versionsBefore = (ids: readonly SegmentId[], { before }: SegmentWorld): SegmentVersion[] =>
  ids.map((segmentId) => ({ segmentId, expectedVersion: before.get(segmentId)?.version ?? null }));

const shown = (
  segment: { readonly condition: unknown; readonly description?: string | null | undefined } | undefined,
) =>
  segment === undefined ? null : { condition: segment.condition, description: segment.description ?? null };

export const segmentWorld = (before: Segments, given: readonly ConfigSegment[]): SegmentWorld => {
  const after = new Map<SegmentId, { condition: ConfigSegment["condition"]; version: number }>(before);
  const moved = new Set<SegmentId>();
  for (const { segmentId, condition } of given) {
    const stored = before.get(segmentId);
    if (stored === undefined || !isSame("condition", stored.condition, condition)) moved.add(segmentId);
    after.set(segmentId, { condition, version: stored?.version ?? 0 });
  }
  return { before, after, moved };
};

/** Segments of the files that could not be, and others that these would make too large or turn into a circle. */
export const segmentErrors = (
  { after, moved }: SegmentWorld,
  owners: SegmentOwners,
  { segments, source, takeOver }: Config,
): FieldErrors => {
  const placeOf = new Map(segments.map(({ segmentId }, at) => [segmentId, at]));
  const errors: { field: string; reason: string }[] = [];
  for (const [at, { segmentId }] of segments.entries()) {
    const owner = owners.get(segmentId);
    if (owner !== undefined && owner.source !== source && !takeOver)
      errors.push({
        field: `segments.${at}.segmentId`,
        reason: `${segmentId}: ${owner.source} owns it (${owner.file}): take it out there first, or apply with --take-over`,
      });
  }
  for (const segmentId of after.keys()) {
    const at = placeOf.get(segmentId);
    const because = closureOf([segmentId], after).find((id) => moved.has(id));
    if (because === undefined) continue;
    // By its own name, so that a circle is shown from here to here.
    const expanded = expandTargeting({ segment: segmentId }, after);
    if (expanded.ok) continue;
    const { error } = expanded;
    const reason = expandErrorText(
      error.reason === "unknownSegment" ? { ...error, path: error.path.slice(1) } : error,
    );
    errors.push({
      field: `segments.${at ?? placeOf.get(because) ?? ""}.condition`,
      reason: at === undefined ? `${because}: segment ${segmentId}: ${reason}` : `${segmentId}: ${reason}`,
    });
  }
  return errors;
};

/** Who uses a segment once the features are as planned. */
export type UsersOf = (segmentId: SegmentId) => {
  readonly changed: readonly FeatureId[];
  readonly onTrial: readonly FeatureId[];
};

export const planGivenSegment = (
  given: ConfigSegment,
  world: SegmentWorld,
  { owners, config, usersOf }: { owners: SegmentOwners; config: Config; usersOf: UsersOf },
): OneSegment => {
  const { segmentId, file, condition, description = null } = given;
  const stored = world.before.get(segmentId);
  const owner = owners.get(segmentId);
  const isOwner = owner?.source === config.source && owner.file === file;
  const to = { condition, description };
  const changes = differences(shown(stored) ?? {}, to).map((one): PlannedDifference => {
    const isByHand =
      stored !== undefined &&
      owner?.source === config.source &&
      isSame(one.field, owner.applied[one.field] ?? null, one.to);
    return { field: one.field, from: one.from, to: one.to, by: isByHand ? "hand" : "file" };
  });
  const moves = world.moved.has(segmentId);
  const { changed: features, onTrial } =
    moves && stored !== undefined ? usersOf(segmentId) : { changed: [], onTrial: [] };
  const changed = changes.length > 0 ? "update" : "adopt";
  const existing = changes.length === 0 && isOwner ? "keep" : changed;
  const action = stored === undefined ? "create" : existing;
  const comesFrom =
    owner === undefined || isOwner
      ? []
      : [`moves here from ${owner.source === config.source ? "" : `${owner.source}, `}${owner.file}`];
  const uses = segmentsNamedIn(condition);
  const others = closureOf(uses, world.after).filter((other) => other !== segmentId);
  return {
    planned: { segmentId, file, action, changes, features, onTrial, notes: comesFrom },
    change:
      action === "keep"
        ? null
        : {
            segmentId,
            expectedVersion: stored?.version ?? null,
            reason: "",
            moves,
            details: { segmentId, from: shown(stored), to, features },
            next: { condition, description, uses },
            uses: versionsBefore(others, world),
          },
  };
};

/**
 * Segments that the source owns and that are in no file any more. One that is used stays: without it nobody could say whom its
 * features target. `used`: by a feature once all are as planned.
 */
export const planLeavingSegments = (
  leaving: readonly SegmentId[],
  world: SegmentWorld,
  {
    owners,
    config,
    used,
  }: { owners: SegmentOwners; config: Config; used: ReadonlyMap<SegmentId, FeatureId> },
): OneSegment[] => {
  const isLeaving = new Set(leaving);
  const staying = [...world.after].filter(([id]) => !isLeaving.has(id));
  const reached = new Set(closureOf([...used.keys()], world.after));
  for (const [, { condition }] of staying)
    for (const id of closureOf(segmentsNamedIn(condition), world.after)) reached.add(id);
  const userOf = (segmentId: SegmentId): string => {
    const feature = used.get(segmentId);
    const naming = [...world.after].find(
      ([id, { condition }]) => reached.has(id) && segmentsNamedIn(condition).includes(segmentId),
    );
    const other = staying.find(([, { condition }]) => segmentsNamedIn(condition).includes(segmentId));
    return feature ?? `segment ${other?.[0] ?? naming?.[0] ?? ""}`;
  };
  return leaving.flatMap((segmentId): OneSegment[] => {
    const stored = world.before.get(segmentId);
    if (stored === undefined) return [];
    const left = `it left ${owners.get(segmentId)?.file ?? "its file"}`;
    const none = { segmentId, file: null, changes: [], features: [], onTrial: [] };
    const own = { segmentId, expectedVersion: stored.version, reason: "" };
    const from = shown(stored);
    if (config.removed === "release") {
      const { condition, description } = stored;
      const uses = segmentsNamedIn(condition);
      return [
        {
          planned: { ...none, action: "release", notes: [left] },
          change: {
            ...own,
            moves: false,
            details: { segmentId, from, to: from, features: [] },
            next: { condition, description, uses },
            uses: [],
          },
        },
      ];
    }
    if (reached.has(segmentId))
      return [
        {
          planned: {
            ...none,
            action: "keep",
            notes: [`${left}, and stays because ${userOf(segmentId)} uses it`],
          },
          change: null,
        },
      ];
    const details = { segmentId, from, to: null, features: [] };
    return [
      {
        planned: { ...none, action: "delete", notes: [left] },
        change: { ...own, moves: true, details, next: null, uses: [] },
      },
    ];
  });
};

export const tooManySegments = ({ after }: SegmentWorld, planned: readonly OneSegment[]): FieldErrors => {
  const gone = planned.filter(({ change }) => change !== null && change.next === null).length;
  const many = after.size - gone;
  return many > MAX_SEGMENTS
    ? [{ field: "segments", reason: `there would be ${many} segments, and at most ${MAX_SEGMENTS} fit` }]
    : [];
};
