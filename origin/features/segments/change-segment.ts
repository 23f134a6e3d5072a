// Every change of a segment: read, prepare (pure), commit in one transaction with all features that use it. When another
// change came first, it is prepared again from the new state.
import type { Pool } from "../../db/pool.ts";
import type { FeatureId, Revision, SegmentId } from "../../../shared/ids.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { ChangeError } from "../change-error.ts";
import type { Attribution } from "../change-steps.ts";
import type { ChangeGuard } from "../change-guard.ts";
import { makeCommit, type OnCommitted } from "../commit-queue.ts";
import { readFeaturesOfSegment } from "../related-features.ts";
import {
  prepareNewSegment,
  prepareSegmentDeletion,
  prepareSegmentEdit,
  type PreparedSegment,
  type SegmentEdit,
  type SegmentError,
  type SegmentState,
  type SegmentTarget,
} from "./prepare-segment.ts";
import { readAllSegments, type Segment } from "./read-segments.ts";

export type ChangedSegment = {
  readonly segmentId: SegmentId;
  readonly revision: Revision;
  readonly at: Date;
  /** The features that were changed with it. */
  readonly features: readonly { readonly featureId: FeatureId; readonly version: number }[];
  readonly onTrial: readonly FeatureId[];
};

/** Why it was refused: by what is stored, by the database, or by a guard. */
export type SegmentChangeError =
  | { readonly of: "segment"; readonly error: SegmentError }
  | { readonly of: "features"; readonly error: ChangeError };

type Outcome = Promise<Result<ChangedSegment, SegmentChangeError>>;

export type SegmentChanges = {
  readonly createSegment: (
    given: Pick<Segment, "segmentId" | "condition" | "description">,
    by: Attribution,
    guard?: ChangeGuard,
  ) => Outcome;
  readonly updateSegment: (
    target: SegmentTarget,
    edit: SegmentEdit,
    by: Attribution,
    guard?: ChangeGuard,
  ) => Outcome;
  readonly deleteSegment: (target: SegmentTarget, by: Attribution) => Outcome;
};

const MAX_ATTEMPTS = 50;

/** `onCommitted` hears of each commit. */
export const makeSegmentChanges = ({
  pool,
  newId,
  onCommitted,
}: {
  pool: Pool;
  newId: () => string;
  onCommitted?: OnCommitted;
}): SegmentChanges => {
  const commit = makeCommit(pool, onCommitted === undefined ? {} : { onCommitted });

  const carryOut = async (
    segmentId: SegmentId,
    { actor }: Attribution,
    prepare: (state: SegmentState) => Result<PreparedSegment, SegmentError>,
    guard?: ChangeGuard,
  ): Outcome => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const users = await readFeaturesOfSegment(pool, segmentId);
      const prepared = prepare({ segments: await readAllSegments(pool), users });
      if (!prepared.ok) return err({ of: "segment", error: prepared.error });
      const { segment, features, onTrial } = prepared.value;
      const refusal =
        features.length === 0 ? undefined : await guard?.({ related: users, changes: features });
      if (refusal !== undefined) return err({ of: "features", error: refusal.error });
      const committed = await commit({
        changeId: newId(),
        actor,
        features: [...features],
        segments: [segment],
      });
      if (committed.ok) {
        const { revision, at, features: changed } = committed.value;
        const versions = changed.map(({ featureId, version }) => ({ featureId, version }));
        return ok({ segmentId, revision, at, features: versions, onTrial });
      }
      if (committed.error.reason === "tooLarge") return err({ of: "features", error: committed.error });
    }
    throw new Error(`a change of a segment lost to others ${MAX_ATTEMPTS} times in a row`);
  };

  return {
    createSegment: (given, by, guard) =>
      carryOut(given.segmentId, by, (state) => prepareNewSegment(state, given, by), guard),
    updateSegment: (target, edit, by, guard) =>
      carryOut(target.segmentId, by, (state) => prepareSegmentEdit(state, target, edit, by), guard),
    deleteSegment: (target, by) =>
      carryOut(target.segmentId, by, (state) => prepareSegmentDeletion(state, target, by)),
  };
};
